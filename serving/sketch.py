"""How values are counted in cells that the training data chose: the sketch of a column.

A column of numbers has `edges`; cell 0 holds what is at most the first edge, cell i what is above
edge i - 1 and at most edge i, the next what is above the last edge, the last cell what is missing.
A column of texts, or of labels, has `words`, a cell each, then one for all other words, then the
missing. Sketches of the same cells are merged by adding them, and what came between two looks is
their difference: a window. Unlike a t-digest or a KLL sketch this is exact at every edge, which is
where it is compared with the training data, and a row costs a binary search.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from serving.errors import ModelError
from serving.signature import MISSING

QUANTILES = 20
"""Cells of about equal shares that a column of many different numbers is cut into."""
OUTSIDE = (0.5, 5.0, 50.0, 500.0, 5000.0)
"""Edges beyond the range of training, in its widths: they tell a unit from a drift."""


@dataclass(frozen=True)
class Grid:
    """The cells of one column: `edges`, rising and exact in float32, or `words`."""

    edges: tuple[float, ...] = ()
    words: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """How many cells there are, that of the missing included."""
        return len(self.edges or self.words) + 2

    def count(self, values: np.ndarray) -> np.ndarray:
        """Return how many of `values` [n] are in each cell, int64 [size]."""
        return self._numbers(values) if self.edges else self.count_words(values.tolist())

    def _numbers(self, values: np.ndarray) -> np.ndarray:
        # NaN sorts behind infinity, which sorts behind every number.
        bounds = np.array([*self.edges, np.inf], np.float32)
        places = np.searchsorted(bounds, values.astype(np.float32, copy=False))
        return np.bincount(places, minlength=self.size)

    def count_words(self, values: Iterable[str]) -> np.ndarray:
        """Return how many of the texts are in each cell, int64 [size]."""
        seen = Counter(values)
        missing = seen.pop(MISSING, 0)
        known = [seen.pop(word, 0) for word in self.words]
        return np.array([*known, sum(seen.values()), missing], np.int64)


@dataclass(frozen=True)
class Reference:
    """The cells of every column and of the output, and what training had in them, int64 [size]."""

    grids: Mapping[str, Grid]
    counts: Mapping[str, np.ndarray]
    output: Grid
    output_counts: np.ndarray
    ranges: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """By column of numbers: the first and last of the cells that lie within training's range."""


def grid_of_numbers(values: np.ndarray) -> Grid:
    """Return the cells for a column of numbers, float [n], as training saw it; NaN is missing."""
    present = values[~np.isnan(values)].astype(np.float32)
    marks, times = np.unique(present, return_counts=True)
    if not len(marks):
        return Grid(edges=(0.0,))
    inner = np.r_[marks, _below(marks)] if len(marks) <= QUANTILES else _marks(marks, times)
    low, high = float(marks[0]), float(marks[-1])
    width = (high - low) or max(abs(low), 1.0)
    outer = [low - width * far for far in OUTSIDE] + [high + width * far for far in OUTSIDE]
    with np.errstate(over="ignore"):
        edges = np.unique(
            np.r_[np.array(outer, np.float32), _below(marks[:1]), inner].astype(np.float32)
        )
    return Grid(edges=tuple(edges[np.isfinite(edges)].tolist()))


def _marks(marks: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Return quantiles; a number that many rows have gets a cell of its own."""
    ranks = np.cumsum(times) / times.sum()
    found = marks[np.searchsorted(ranks, np.linspace(0, 1, QUANTILES + 1) - 1e-12)]
    frequent = marks[times * QUANTILES >= times.sum()]
    return np.asarray(np.r_[found, frequent, _below(frequent)])


def _below(marks: np.ndarray) -> np.ndarray:
    return np.asarray(np.nextafter(marks, np.float32(-np.inf)))


def described(grid: Grid, counts: np.ndarray) -> dict[str, Any]:
    """Return cells and what is in them, as a JSON object for `baseline.json`."""
    cells = {"edges": [*grid.edges]} if grid.edges else {"words": [*grid.words]}
    return {**cells, "counts": counts.tolist()}


def reference(baseline: Mapping[str, Any]) -> Reference | None:
    """Return the cells that a `baseline.json` has; None where it is of before there were any.

    Raises `ModelError` where they are damaged.
    """
    if "output" not in baseline:
        return None
    try:
        columns = {n: each["cells"] for n, each in baseline["columns"].items() if "cells" in each}
        parsed = {name: _parsed(cells) for name, cells in columns.items()}
        output, output_counts = _parsed(baseline["output"])
        grids = {name: grid for name, (grid, _) in parsed.items()}
        counts = {name: found for name, (_, found) in parsed.items()}
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise ModelError(
            f"The cells of baseline.json are damaged ({error}); package the model again."
        ) from error
    ranges = {n: within(counts[n]) for n, grid in grids.items() if grid.edges}
    return Reference(grids, counts, output, output_counts, ranges)


def _parsed(cells: Mapping[str, Any]) -> tuple[Grid, np.ndarray]:
    edges = np.array(cells.get("edges", ()), np.float32)
    words, counts = tuple(map(str, cells.get("words", ()))), np.array(cells["counts"], np.int64)
    grid = Grid(tuple(edges.tolist()), words)
    if (np.diff(edges) <= 0).any() or counts.shape != (grid.size,) or (counts < 0).any():
        raise ValueError(f"{len(edges) + len(words)} bounds, {counts.size} counts")
    return grid, counts


def within(counts: np.ndarray) -> tuple[int, int]:
    """Return the first and the last cell that training had numbers in; (0, -1) where in none."""
    held = np.flatnonzero(counts[:-1])
    return (int(held[0]), int(held[-1])) if len(held) else (0, -1)


def labels_grid(labels: Sequence[object]) -> Grid:
    """Return the cells for a model's labels."""
    return Grid(words=tuple(map(str, labels)))
