"""Build the images that a cluster runs, tagged with the git commit, and say what they weigh.

    python3 -m scripts.images build [flags of docker build] | names | sizes

KANARYA_REGISTRY stands before every name (kanarya), KANARYA_BUILD chooses some (all). Behind a
proxy or a mirror KANARYA_PIP_CONF and KANARYA_CA are files for pip, which stay in no layer, and
KANARYA_PYTHON_IMAGE names the base image, {python} in it being 3.11 or 3.12.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving.errors import KanaryaError, UsageError

ROOT = Path(__file__).resolve().parents[1]
SECRETS = {"pip_conf": "KANARYA_PIP_CONF", "ca": "KANARYA_CA"}


@dataclass(frozen=True)
class Image:
    """One image: its name, what it is built from, and the variable that names it to a pipeline."""

    name: str
    dockerfile: str
    target: str = ""
    variable: str = ""
    python: str = "3.11"


IMAGES = (
    Image("components-python", "components/Dockerfile", "tabular", "KANARYA_COMPONENTS_IMAGE"),
    Image("images-python", "components/Dockerfile", "images", "KANARYA_IMAGES_IMAGE"),
    Image("predictor-python", "serving/Dockerfile"),
    Image("mlflow", "manifests/mlflow/Dockerfile", python="3.12"),
    Image("console", "console/Dockerfile"),
)


@dataclass(frozen=True)
class Release:
    """What the images are tagged with: the version, and the commit (`-dirty` behind changes)."""

    registry: str
    version: str
    commit: str

    def tags(self, image: Image) -> list[str]:
        """Return the image's names, the one with the commit first."""
        return [f"{self.registry}/{image.name}:{tag}" for tag in (self.commit, self.version)]


@dataclass(frozen=True)
class Weight:
    """What an image takes on a node's disk, and how much of it is not the base image."""

    megabytes: int
    above_base: int


def release(env: Mapping[str, str]) -> Release:
    """Return what this checkout is called. Raises KanaryaError where it is no git repository."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    commit = _said("git", "rev-parse", "HEAD").strip()
    changed = "-dirty" if _said("git", "status", "--porcelain").strip() else ""
    return Release(
        env.get("KANARYA_REGISTRY") or "kanarya", project["version"], f"{commit}{changed}"
    )


def chosen(env: Mapping[str, str]) -> list[Image]:
    """Return the images that KANARYA_BUILD names, all without it. Raises UsageError."""
    names = env.get("KANARYA_BUILD", "").split()
    unknown = set(names) - {image.name for image in IMAGES}
    if unknown:
        known = ", ".join(image.name for image in IMAGES)
        raise UsageError(f"KANARYA_BUILD: {sorted(unknown)[0]!r} is no image; there are {known}.")
    return [image for image in IMAGES if not names or image.name in names]


def build_words(image: Image, called: Release, env: Mapping[str, str]) -> list[str]:
    """Return the words of `docker build` that make an image."""
    words = ["docker", "build", "--file", image.dockerfile]
    words += ["--target", image.target] if image.target else []
    arguments = {"GIT_COMMIT": called.commit, "VERSION": called.version}
    if base := env.get("KANARYA_PYTHON_IMAGE"):
        arguments["PYTHON_IMAGE"] = base.replace("{python}", image.python)
    for name, value in arguments.items():
        words += ["--build-arg", f"{name}={value}"]
    for name, variable in SECRETS.items():
        words += ["--secret", f"id={name},src={env[variable]}"] if env.get(variable) else []
    for tag in called.tags(image):
        words += ["--tag", tag]
    return words


def build(flags: list[str]) -> None:
    """Build the images, then say how a pipeline names them. Raises KanaryaError."""
    called = release(os.environ)
    for image in chosen(os.environ):
        words = [*build_words(image, called, os.environ), *flags, "."]
        _call(words, env={**os.environ, "DOCKER_BUILDKIT": "1"})
    names()


def names() -> None:
    """Print the variables that make `kanarya compile` name these images."""
    called = release(os.environ)
    for image in chosen(os.environ):
        line = f"{image.variable}=" if image.variable else ""
        print(f"{line}{called.tags(image)[0]}")


def sizes() -> None:
    """Print what the images of this checkout weigh, as a table and as a line of JSON."""
    called = release(os.environ)
    weights = {image.name: weight(called.tags(image)[0]) for image in chosen(os.environ)}
    print(f"{'image':20} {'MB':>6} {'above its base':>16}")
    for name, found in weights.items():
        print(f"{name:20} {found.megabytes:>6} {found.above_base:>16}")
    figures = {name: vars(found) for name, found in weights.items()}
    print(json.dumps({"bench": "image-sizes", "commit": called.commit, "images": figures}))


def weight(image: str) -> Weight:
    """Return what an image and its base weigh. Raises KanaryaError where one is not here."""
    found = _described(image)
    base = _described(found["Config"]["Labels"]["org.opencontainers.image.base.name"])
    size = int(found["Size"])
    return Weight(round(size / 1e6), round((size - int(base["Size"])) / 1e6))


def _described(image: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = json.loads(_said("docker", "image", "inspect", image))
    return found[0]


def _said(*words: str) -> str:
    return _call(list(words), stdout=subprocess.PIPE).stdout


def _call(words: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(words, cwd=ROOT, check=True, text=True, **options)
    except FileNotFoundError as error:
        raise KanaryaError(f"{words[0]} is not installed, and the images need it") from error
    except subprocess.CalledProcessError as error:
        told = f"`{' '.join(words)}` ended with {error.returncode}; see what it said above"
        raise KanaryaError(told) from error


def main() -> None:
    """Do what the first word says."""
    match sys.argv[1:]:
        case ["build", *flags]:
            build(flags)
        case ["names"]:
            names()
        case ["sizes"]:
            sizes()
        case _:
            raise UsageError("usage: python3 -m scripts.images build [flags] | names | sizes")


if __name__ == "__main__":
    try:
        main()
    except KanaryaError as error:
        print(f"kanarya: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
