"""CIFAR-10 as its authors publish it: the batches of the binary and of the python archive.

https://www.cs.toronto.edu/~kriz/cifar.html: a row of a binary batch is a byte of the class and
3,072 bytes of the image, red, green and blue one after the other, row by row; a python batch is a
pickled dict with `data` (uint8 [n, 3072], in the same order) and `labels`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from components.errors import PicturesError
from components.ingest import restricted_pickle

SIDE = 32
PIXELS = SIDE * SIDE * 3
LABELS = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
BATCH = re.compile(r"(data_batch_(?P<number>\d+)|test_batch|batches\.meta)(\.bin|\.txt)?")
LIMIT = 64 * 2**20
"""Bytes that a batch may have: twice what the published ones have."""


@dataclass(frozen=True)
class Arrays:
    """Images that need no decoding; those for testing are the last `test_rows`."""

    labels: tuple[str, ...]
    pixels: np.ndarray
    classes: np.ndarray
    test_rows: int


def is_batch(name: str) -> bool:
    """Say whether a file (its name without folders) belongs to the archives."""
    return BATCH.fullmatch(name) is not None


def is_archive(names: frozenset[str]) -> bool:
    """Say whether these files (names without folders) are CIFAR-10's."""
    return any(name.startswith("data_batch_") and is_batch(name) for name in names)


def arrays(files: Mapping[str, bytes]) -> Arrays:
    """Return the images in the batches, by their names without folders.

    Raises `PicturesError` for a batch that is missing, damaged, or a pickle of something else.
    """
    binary = any(name.endswith(".bin") for name in files)
    train = [_batch(name, files[name], binary) for name in _training(files, binary)]
    held = "test_batch.bin" if binary else "test_batch"
    test = [_batch(held, files[held], binary)] if held in files else []
    labels = _labels(files, binary)
    classes = np.concatenate([classes for _, classes in [*train, *test]])
    if len(classes) and int(classes.max()) >= len(labels):
        raise PicturesError(f"it has the class {classes.max()}, but {len(labels)} names of classes")
    pixels = np.concatenate([pixels for pixels, _ in [*train, *test]])
    return Arrays(labels, pixels, classes, sum(len(classes) for _, classes in test))


def _training(files: Mapping[str, bytes], binary: bool) -> list[str]:
    end = ".bin" if binary else ""
    found = sorted(
        int(match["number"])
        for match in map(BATCH.fullmatch, files)
        if match and match["number"] and match.string.endswith(end)
    )
    absent = sorted(set(range(1, found[-1] + 1)) - set(found))
    if absent:
        raise PicturesError(f"data_batch_{absent[0]}{end} is missing: fetch the archive again.")
    return [f"data_batch_{number}{end}" for number in found]


def _batch(name: str, data: bytes, binary: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the images, uint8 [n, 32, 32, 3], and their classes, int64 [n]."""
    try:
        planes, classes = _binary(data) if binary else _python(restricted_pickle.load(data))
    except PicturesError as error:
        raise PicturesError(f"{name}: {error}: fetch the archive again.") from error
    pixels = planes.reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(pixels), classes


def _binary(data: bytes) -> tuple[np.ndarray, np.ndarray]:
    if len(data) % (PIXELS + 1) or not data:
        raise PicturesError(f"it has {len(data):,} bytes, expected {PIXELS + 1:,} for each image")
    rows = np.frombuffer(data, np.uint8).reshape(-1, PIXELS + 1)
    return rows[:, 1:], rows[:, 0].astype(np.int64)


def _python(batch: Any) -> tuple[np.ndarray, np.ndarray]:
    pixels, classes = _value(batch, "data"), _value(batch, "labels")
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.ndim != 2:
        raise PicturesError(f"its `data` is {type(pixels).__name__}, expected uint8 (n, {PIXELS})")
    if not isinstance(classes, list) or not all(type(k) is int and 0 <= k < 256 for k in classes):
        raise PicturesError("its `labels` are no list of whole numbers from 0 to 255")
    if pixels.shape != (len(classes), PIXELS) or not classes:
        raise PicturesError(f"it has `data` {pixels.shape} and {len(classes)} `labels`")
    return pixels, np.array(classes, np.int64)


def _labels(files: Mapping[str, bytes], binary: bool) -> tuple[str, ...]:
    meta = files.get("batches.meta.txt" if binary else "batches.meta")
    if meta is None:
        return LABELS
    names = meta.split() if binary else _value(restricted_pickle.load(meta), "label_names")
    if not isinstance(names, list) or not all(isinstance(name, bytes | str) for name in names):
        raise PicturesError("batches.meta has no list of names: fetch the archive again.")
    return tuple(n.decode("utf-8", "replace") if isinstance(n, bytes) else n for n in names)


def _value(batch: Any, key: str) -> Any:
    """Return a value of a pickled dict, whose keys are bytes where Python 2 wrote them."""
    if not isinstance(batch, dict):
        raise PicturesError(f"it holds {type(batch).__name__}, expected a dict")
    value = batch.get(key, batch.get(key.encode()))
    return value.values if isinstance(value, restricted_pickle.Array) else value
