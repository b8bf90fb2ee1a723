"""The image artifact: decoded pixels, their classes and where they come from.

images.npy    uint8 [n, height, width, channels], mapped into memory and never read whole
classes.npy   int64 [n], the place of each image's class in the schema's labels
names.json    the name of each image in its source, for a person who looks for it there
schema.json   `ImageSchema`
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from components.errors import UnreadableError
from serving.storage import partial

IMAGES_FILE = "images.npy"
CLASSES_FILE = "classes.npy"
NAMES_FILE = "names.json"
SCHEMA_FILE = "schema.json"
COPIED = 4096
"""Images that are copied at a time."""


@dataclass(frozen=True)
class ImageSchema:
    """What the images are; `labels` in the order of the classes' numbers.

    `test_rows`: so many at the end are the source's own test part, 0 where it has none.
    """

    labels: tuple[str, ...]
    height: int
    width: int
    channels: int
    rows: int
    sha256: str
    source: str
    test_rows: int = 0

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        return self.height, self.width, self.channels


@dataclass(frozen=True)
class Images:
    """The images of an artifact; `pixels` stay on the disk until they are looked at."""

    schema: ImageSchema
    pixels: np.ndarray
    classes: np.ndarray
    names: tuple[str, ...]


def room(directory: Path, rows: int, shape: tuple[int, int, int]) -> np.ndarray:
    """Return uint8 [rows, height, width, channels] in a file of an artifact that is being made."""
    path = directory / IMAGES_FILE
    made: np.ndarray = np.lib.format.open_memmap(
        path, mode="w+", dtype=np.uint8, shape=(rows, *shape)
    )
    return made


def finish(directory: Path, schema: ImageSchema, classes: np.ndarray, names: Sequence[str]) -> None:
    """Write what stands beside the pixels of an artifact that is being made."""
    np.save(directory / CLASSES_FILE, classes.astype(np.int64))
    _write_json(directory / NAMES_FILE, list(names))
    _write_json(directory / SCHEMA_FILE, asdict(schema))


def read_schema(directory: Path) -> ImageSchema:
    """Return the schema; raise `UnreadableError` where it is missing or damaged."""
    value = _read_json(directory / SCHEMA_FILE)
    try:
        return ImageSchema(**{**value, "labels": tuple(value["labels"])})
    except (KeyError, TypeError) as error:
        raise _damaged(directory / SCHEMA_FILE, error) from error


def read(directory: Path) -> Images:
    """Return the images; raise `UnreadableError` where the artifact is missing or damaged."""
    schema = read_schema(directory)
    try:
        pixels = np.load(directory / IMAGES_FILE, mmap_mode="r", allow_pickle=False)
        classes = np.load(directory / CLASSES_FILE, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise _damaged(directory, error) from error
    names = tuple(map(str, _read_json(directory / NAMES_FILE)))
    if pixels.shape != (schema.rows, *schema.shape) or len(classes) != schema.rows:
        raise _damaged(directory, f"{pixels.shape} pixels, {len(classes)} classes")
    return Images(schema, pixels, classes, names)


def take(source: Images, rows: np.ndarray, destination: Path) -> ImageSchema:
    """Write these rows as an artifact of their own, in their order; return its schema."""
    schema = replace(source.schema, rows=len(rows), test_rows=0)
    with partial(destination) as unfinished:
        unfinished.mkdir()
        pixels = room(unfinished, len(rows), schema.shape)
        for at in range(0, len(rows), COPIED):
            pixels[at : at + COPIED] = source.pixels[rows[at : at + COPIED]]
        finish(unfinished, schema, source.classes[rows], [source.names[row] for row in rows])
    return schema


def digest(images: Images) -> str:
    """Return the sha256 of all that is learned from: labels, classes and pixels, in their order."""
    schema = images.schema
    whole = hashlib.sha256(json.dumps([schema.labels, schema.shape, schema.rows]).encode())
    whole.update(np.ascontiguousarray(images.classes, "<i8").data)
    for at in range(0, schema.rows, COPIED):
        whole.update(np.ascontiguousarray(images.pixels[at : at + COPIED]).data)
    return whole.hexdigest()


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value) + "\n", encoding="ascii")


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, why: object) -> UnreadableError:
    return UnreadableError(
        f"{path} cannot be read ({why}): run the step that makes these images again."
    )
