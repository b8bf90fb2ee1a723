"""The sketches of one model's traffic (`serving.sketch`): counts that only grow.

Windows are no business of a predictor: whoever looks twice has one as the difference. So memory is
constant, workers are merged by adding, and any number of observers may look as they like.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np

from serving.signature import Column
from serving.sketch import Reference

OUTPUT = ""
"""Stands for the output where a column's name would be: no column is called so."""


class Sketches:
    """The counts of every column and of the output; see `serving.sketch` for the cells."""

    def __init__(self, inputs: Sequence[Column], reference: Reference) -> None:
        self._grids = {**reference.grids, OUTPUT: reference.output}
        self._texts = [column.name for column in inputs if column.kind == "text"]
        numbers = [column.name for column in inputs if column.kind != "text"]
        self._numbers = [
            (name, place, np.array([*grid.edges, np.inf], np.float32), grid.size)
            for place, name in enumerate(numbers)
            if (grid := reference.grids.get(name)) is not None
        ]
        self.counts = {name: np.zeros(grid.size, np.int64) for name, grid in self._grids.items()}

    def add(
        self,
        numbers: np.ndarray,
        texts: Sequence[tuple[np.ndarray, ...]],
        outputs: np.ndarray,
    ) -> None:
        """Count rows: numbers [n, columns], the text columns of each answer, its outputs [n, k]."""
        columns = np.ascontiguousarray(numbers.T, np.float32)
        for name, place, bounds, size in self._numbers:
            places = bounds.searchsorted(columns[place])
            self.counts[name] += np.bincount(places, minlength=size)
        for place, name in enumerate(self._texts):
            words = chain.from_iterable(part[place].ravel().tolist() for part in texts)
            if name in self.counts:
                self.counts[name] += self._grids[name].count_words(words)
        self._add_outputs(outputs)

    def _add_outputs(self, outputs: np.ndarray) -> None:
        grid, counts = self._grids[OUTPUT], self.counts[OUTPUT]
        if grid.edges:
            counts += grid.count(outputs[:, 0])
        else:
            counts += np.bincount(outputs.argmax(axis=1), minlength=len(counts))

    def cells(self) -> Iterator[tuple[str, int, int]]:
        """Yield column, cell and count of all that are not empty."""
        for name, counts in self.counts.items():
            for cell in np.flatnonzero(counts).tolist():
                yield name, cell, int(counts[cell])
