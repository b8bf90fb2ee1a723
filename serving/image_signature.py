"""What an image model takes, and the one function that turns pixels into its input."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from serving.errors import ModelError

IMAGE = "image"
"""The one input of an image model's graph, and the one column of its golden rows."""
MOST_VALUES = 2**25
"""Values that one image may have: as UINT8 they fill a request of the usual limit, 32 MiB."""


@dataclass(frozen=True)
class Image:
    """The pictures of a model: height, width and channels, row by row from the top left.

    `scale`: what a pixel of 0 to 255 is multiplied by before the model sees it.
    """

    height: int
    width: int
    channels: int
    scale: float = 1.0

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        return self.height, self.width, self.channels

    @property
    def values(self) -> int:
        """How many numbers one image has."""
        return self.height * self.width * self.channels

    def __str__(self) -> str:
        return " x ".join(map(str, self.shape))

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object (a dict); `from_json` gives the same image back."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: object) -> Image:
        """Return the image that `to_json` wrote; raise `ModelError` where it is damaged."""
        try:
            image = cls(**value)  # type: ignore[arg-type]
        except TypeError as error:
            raise ModelError(
                f"The image of the card is damaged ({error}); package the model again."
            ) from error
        if not _is_sound(image):
            raise ModelError(
                f"The image of the card is {value!r}, expected height, width and channels above 0, "
                f"at most {MOST_VALUES} values, and a scale above 0; package the model again."
            )
        return image


def _is_sound(image: Image) -> bool:
    if not all(type(size) is int and size > 0 for size in image.shape):
        return False
    if image.values > MOST_VALUES or type(image.scale) not in (int, float):
        return False
    return math.isfinite(image.scale) and image.scale > 0


def encode_images(image: Image, pixels: np.ndarray) -> np.ndarray:
    """Return the model's input, float32 [n, height, width, channels], for pixels of that shape.

    uint8 is multiplied by `scale`, in float32; any float is taken as it is. Training, packaging
    and serving all come through here, so that they cannot differ.
    """
    if pixels.dtype == np.float32:
        return pixels
    if pixels.dtype != np.uint8:
        # A number that float32 cannot hold becomes infinite.
        with np.errstate(over="ignore"):
            return pixels.astype(np.float32)
    if image.scale == 1:
        return pixels.astype(np.float32)
    scaled: np.ndarray = np.multiply(pixels, np.float32(image.scale), dtype=np.float32)
    return scaled


def pixels_of(image: Image, columns: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the pixels of golden rows; raise `ModelError` where they are none of this model's."""
    pixels = columns.get(IMAGE)
    if pixels is None or pixels.shape[1:] != image.shape or pixels.dtype.kind not in "uf":
        raise ModelError(f"The golden rows hold no images of {image}; package the model again.")
    return pixels
