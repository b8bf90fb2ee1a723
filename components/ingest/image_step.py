"""Ingest images with files: a path or URI in, an image artifact out, each decoded once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from components import image_dataset, picture_files, telling
from components.errors import DataError, PicturesError, UnreadableError
from components.image_dataset import ImageSchema
from components.ingest import cifar, image_rules, keras_datasets, picture_sources, remote
from components.ingest.cifar import Arrays
from components.ingest.image_rules import Arrangement, Fault
from components.ingest.picture_sources import Files
from serving import storage
from serving.image_signature import MOST_VALUES

SAMPLE = 64
"""Pictures whose headers tell the size and the channels of all."""
TOLD = 20_000


@dataclass(frozen=True)
class Request:
    """What the pictures are to become; `size`: (height, width), empty to keep the one they have.

    `channels`: 1 or 3; 0 for one where all pictures of a sample are grey.
    """

    size: tuple[int, ...] = ()
    channels: int = 0


def run(uri: str, request: Request, images: Path) -> dict[str, Any]:
    """Read the pictures at `uri` into the image artifact; return its rows, classes and sha256.

    Raises DataError with one sentence for anything that holds no pictures to learn from.
    """
    try:
        _refuse_request(request)
        with storage.partial(images) as unfinished:
            unfinished.mkdir()
            schema = _ingest(uri, request, unfinished)
    except DataError as error:
        raise type(error)(f"{uri or 'data.uri'}: {error}") from error
    telling.note(image_rules.told(schema.rows, schema.labels, schema.shape))
    return {"rows": schema.rows, "classes": len(schema.labels), "sha256": schema.sha256}


def _refuse_request(request: Request) -> None:
    shape = (*request.size, max(request.channels, 1))
    if len(request.size) not in (0, 2) or request.channels not in (0, 1, 3):
        raise PicturesError(
            f"image_size is {list(request.size)} and channels {request.channels}: give a height "
            "and a width, and 1 or 3 channels."
        )
    if min(shape) < 1 or np.prod(shape, dtype=float) > MOST_VALUES:
        raise PicturesError(f"image_size is {list(request.size)}: choose what a server can take.")


def _ingest(uri: str, request: Request, made: Path) -> ImageSchema:
    if keras_datasets.is_named(uri):
        found = keras_datasets.arrays(uri, keras_datasets.fetched)
        return _keep(uri, found, keras_datasets.sha256(found), made)
    with TemporaryDirectory(dir=made) as scratch:
        path = _source(uri, Path(scratch))
        with picture_sources.opened(path) as files:
            if cifar.is_archive(frozenset(PurePosixPath(name).name for name in files.names)):
                return _keep(uri, cifar.arrays(_batches(files)), files.sha256, made)
            return _decode(uri, files, request, made)


def _source(uri: str, scratch: Path) -> Path:
    if not uri.strip():
        raise UnreadableError("no pictures were given: name a zip or a folder with data.uri.")
    return storage.local_path(uri) or remote.copied(uri, scratch / "source")


def _batches(files: Files) -> Mapping[str, bytes]:
    wanted = ((name, PurePosixPath(name).name) for name in files.names)
    return {short: files.read(name) for name, short in wanted if cifar.is_batch(short)}


def _keep(uri: str, found: Arrays, sha256: str, made: Path) -> ImageSchema:
    """Write images that are decoded already."""
    rows, (height, width, channels) = len(found.pixels), found.pixels.shape[1:]
    image_rules.refuse_few(found.labels, rows)
    schema = ImageSchema(found.labels, height, width, channels, rows, sha256, uri, found.test_rows)
    image_dataset.room(made, rows, schema.shape)[:] = found.pixels
    names = [f"image {row + 1}" for row in range(rows)]
    image_dataset.finish(made, schema, found.classes, names)
    return schema


def _decode(uri: str, files: Files, request: Request, made: Path) -> ImageSchema:
    found = image_rules.arranged(files.names)
    shape = _shape(files, found, request)
    rows = len(found.pictures)
    pixels = image_dataset.room(made, rows, shape)
    _fill(pixels, files, found, resize=bool(request.size))
    places = {label: place for place, label in enumerate(found.labels)}
    classes = np.array([places[picture.label] for picture in found.pictures])
    schema = ImageSchema(found.labels, *shape, rows, files.sha256, uri, found.test_rows)
    image_dataset.finish(made, schema, classes, [picture.name for picture in found.pictures])
    return schema


def _shape(files: Files, found: Arrangement, request: Request) -> tuple[int, int, int]:
    """Return height, width and channels: what was asked for, else what most of a sample have."""
    places = np.linspace(0, len(found.pictures) - 1, SAMPLE).astype(int)
    headers, faults = [], []
    for name in dict.fromkeys(found.pictures[place].name for place in places):
        try:
            headers.append(picture_files.header(files.read(name)))
        except (picture_files.BrokenError, DataError) as error:
            faults.append(f"{name!r} {error}")  # all that are broken are named later
    if not headers:
        raise PicturesError(f"none of the pictures that were tried can be read: {faults[0]}.")
    common = Counter((each.height, each.width) for each in headers).most_common(1)[0][0]
    height, width = request.size or common
    grey = all(each.is_grey for each in headers)
    return height, width, request.channels or (1 if grey else 3)


def _fill(pixels: np.ndarray, files: Files, found: Arrangement, *, resize: bool) -> None:
    """Decode every picture into its place; raise `PicturesError` with those that cannot be."""
    faults = []
    for row, picture in enumerate(found.pictures):
        try:
            data = files.read(picture.name)
            pixels[row] = picture_files.pixels(data, pixels.shape[1:], resize=resize)
        except (picture_files.BrokenError, DataError) as error:
            is_size = isinstance(error, picture_files.SizeError)
            faults.append(Fault(picture.name, str(error), is_size))
        if (row + 1) % TOLD == 0:
            telling.note(f"{row + 1:,} of {len(found.pictures):,} pictures were decoded")
    image_rules.refuse_faults(faults, len(found.pictures))
