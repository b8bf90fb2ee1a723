"""Split images with files: one image artifact in, two out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from components import image_dataset
from components.image_dataset import Images, ImageSchema
from components.split import rules
from components.split.rules import Choice
from components.split.step import Parts


def run(images: Path, choice: Choice, train: Path, test: Path) -> Parts:
    """Write the two parts: the source's own where it has a test part, else as `choice` says."""
    given = image_dataset.read(images)
    mask = tested(given, choice)
    written = (
        image_dataset.take(given, np.flatnonzero(~mask), train),
        image_dataset.take(given, np.flatnonzero(mask), test),
    )
    return Parts(*map(_metadata, written))


def tested(given: Images, choice: Choice) -> np.ndarray:
    """Return a mask, true for the images to test on."""
    rows, own = given.schema.rows, given.schema.test_rows
    return np.arange(rows) >= rows - own if own else rules.test_rows(given.classes, choice)


def overlap(train: Path, test: Path) -> int:
    """Return how many test pictures are trained on, too, pixel for pixel."""
    known = set(_digests(train))
    return sum(each in known for each in _digests(test))


def _digests(images: Path) -> Iterator[bytes]:
    for pixels in image_dataset.read(images).pixels:
        yield hashlib.blake2b(pixels.data, digest_size=16).digest()


def _metadata(schema: ImageSchema) -> dict[str, int | str]:
    return {"rows": schema.rows, "classes": len(schema.labels), "sha256": schema.sha256}
