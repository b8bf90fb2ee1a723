"""Rows on the disk, dealt to buckets by chance, to be trained on a bucket at a time.

A table may be sorted, by its classes for instance, and what learns row by row would forget the
first ones. A bucket is a fair sample of the table, is shuffled whole in memory by who learns from
it, and comes up in another order in every epoch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from components.models.epochs import Part

BUCKET_CELLS = 4_000_000
"""Numbers of a bucket in memory, as a model sees its rows: 16 MB, and a few copies of them."""
MOST_BUCKETS = 512
"""Of tables beyond some hundred million rows, buckets grow instead."""


def buckets(rows: int, width: int) -> int:
    """Return how many buckets rows are dealt to; `width`: numbers of a row in memory."""
    return int(np.clip(-(-rows * width // BUCKET_CELLS), 1, MOST_BUCKETS))


@dataclass(frozen=True)
class Layout:
    """A row on the disk: numbers as they are, NaN where missing, places of words, the target."""

    numbers: int
    words: int

    @property
    def dtype(self) -> np.dtype[np.void]:
        """How a row lies there."""
        fields = [("numbers", "<f4", (self.numbers,)), ("words", "<i4", (self.words,))]
        return np.dtype([*fields, ("target", "<f8")])


class Spool:
    """The files of a table's buckets."""

    def __init__(self, folder: Path, layout: Layout, count: int) -> None:
        self._folder, self._dtype = folder, layout.dtype
        self.sizes = np.zeros(count, np.int64)

    def deal(self, rows: np.ndarray, bucket: np.ndarray) -> None:
        """Add rows [n] to the buckets [n] that were drawn for them, in the order they come."""
        order = np.argsort(bucket, kind="stable")
        sizes = np.bincount(bucket, minlength=len(self.sizes))
        ends = sizes.cumsum()
        for number in np.flatnonzero(sizes).tolist():
            with self._path(number).open("ab") as file:
                # Not tofile, which does not say that the disk is full.
                file.write(rows[order[ends[number] - sizes[number] : ends[number]]].tobytes())
        self.sizes += sizes

    def read(self, number: int) -> np.ndarray:
        """Return the rows of a bucket, in the order of the table."""
        path = self._path(number)
        return np.fromfile(path, self._dtype) if path.exists() else np.empty(0, self._dtype)

    def _path(self, number: int) -> Path:
        return self._folder / f"{number}.rows"


@dataclass(frozen=True)
class Spooled:
    """A `components.models.epochs.Source`: the buckets of these numbers, as `part` makes them."""

    spool: Spool
    numbers: range
    part: Callable[[np.ndarray], Part]

    def __len__(self) -> int:
        return int(self.spool.sizes[self.numbers].sum())

    def parts(self, rng: np.random.Generator) -> Iterator[Part]:
        """Yield the buckets in an order that is drawn from `rng`."""
        for number in rng.permutation(self.numbers):
            if self.spool.sizes[number]:
                yield self.part(self.spool.read(number))

    def some(self, most: int, rng: np.random.Generator) -> Part:
        """Return rows of a bucket, which are there by chance."""
        rows = self.spool.read(self.numbers[int(np.argmax(self.spool.sizes[self.numbers]))])
        drawn = np.sort(rng.permutation(len(rows))[:most])
        return self.part(rows[drawn])
