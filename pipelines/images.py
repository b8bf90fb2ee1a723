"""The images that a compiled pipeline names: fixed in the repository, pinned on a cluster."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from components.image import IMAGE, IMAGES
from serving.errors import UsageError

COMPONENTS, TENSORFLOW = "KANARYA_COMPONENTS_IMAGE", "KANARYA_IMAGES_IMAGE"
_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
_COMMIT = re.compile(r":(?:sha-|git-)?[0-9a-f]{7,40}$")


@dataclass(frozen=True)
class Images:
    """What steps run in: `tabular`, and `images` for those that need TensorFlow."""

    tabular: str = IMAGE
    images: str = IMAGES

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Images:
        """Return the images that the environment names, those of the repository where it does not.

        They are what the two variables say, KANARYA_COMPONENTS_IMAGE and KANARYA_IMAGES_IMAGE.
        """
        env = os.environ if env is None else env
        return cls(env.get(COMPONENTS) or IMAGE, env.get(TENSORFLOW) or IMAGES)

    def of(self, pipeline: str) -> tuple[str, ...]:
        """Return those that a pipeline's steps run in."""
        return (self.tabular, self.images) if pipeline == "image" else (self.tabular,)


def pinned(text: str, pipeline: str, images: Images) -> str:
    """Return the compiled YAML with these images in the place of the repository's.

    Raises UsageError for an image that may be another one tomorrow.
    """
    for image in images.of(pipeline):
        refuse_moving(image)
    return named(text, images)


def named(text: str, images: Images) -> str:
    """Return the compiled YAML with these images, whatever they are called."""
    for ours, theirs in ((IMAGE, images.tabular), (IMAGES, images.images)):
        text = text.replace(f"image: {ours}\n", f"image: {theirs}\n")
    return text


def refuse_moving(image: str) -> None:
    """Raise UsageError unless the image is named by its digest or by a git commit."""
    if image in (IMAGE, IMAGES):
        raise UsageError(
            f"the image {image} is in no registry: push what `make images` builds, and name it by "
            f"its digest (…@sha256:…) or by the git commit (…:{'0' * 7}) in {COMPONENTS}, for "
            f"pictures in {TENSORFLOW} as well"
        )
    if not _DIGEST.search(image) and not _COMMIT.search(image):
        raise UsageError(
            f"the image {image} may be another one tomorrow, and Kubeflow would answer from its "
            "cache what another one computed; name it by its digest (…@sha256:…) or by the git "
            f"commit (…:{'0' * 7}) in {COMPONENTS}, for pictures in {TENSORFLOW} as well"
        )
