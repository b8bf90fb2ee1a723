"""The sketches of one model's traffic (`serving.sketch`): counts that only grow.

Windows are no business of a predictor: whoever looks twice has one as the difference. So memory is
constant, workers are merged by adding, and any number of observers may look as they like.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np

from serving.signature import Column
from serving.sketch import Reference


class Sketches:
    """The counts of every column and of the output; see `serving.sketch` for the cells."""

    def __init__(self, inputs: Sequence[Column], reference: Reference) -> None:
        self._grids, self._output = reference.grids, reference.output
        self._texts = [column.name for column in inputs if column.kind == "text"]
        numbers = [column.name for column in inputs if column.kind != "text"]
        self._numbers = [
            (name, place, np.array([*grid.edges, np.inf], np.float32), grid.size)
            for place, name in enumerate(numbers)
            if (grid := reference.grids.get(name)) is not None
        ]
        self.columns = {name: np.zeros(grid.size, np.int64) for name, grid in self._grids.items()}
        self.output = np.zeros(self._output.size, np.int64)

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
            self.columns[name] += np.bincount(places, minlength=size)
        for place, name in enumerate(self._texts):
            words = chain.from_iterable(part[place].ravel().tolist() for part in texts)
            if name in self.columns:
                self.columns[name] += self._grids[name].count_words(words)
        self._add_outputs(outputs)

    def _add_outputs(self, outputs: np.ndarray) -> None:
        if self._output.edges:
            self.output += self._output.count(outputs[:, 0])
        else:
            self.output += np.bincount(outputs.argmax(axis=1), minlength=len(self.output))
