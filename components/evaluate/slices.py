"""Parts of the test rows by what is in one column, and how well each part is answered."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from components.parts import parts
from components.report import Table
from serving.intervals import Z, wilson
from serving.signature import Column

SHOWN = 20


@dataclass(frozen=True)
class Slice:
    """The rows with a value in a column: their mean score, and its interval at 95 %."""

    column: str
    value: str
    rows: int
    score: float
    low: float
    high: float


def mean_interval(values: np.ndarray) -> tuple[float, float]:
    """Return the normal interval at 95 % of a mean."""
    reach = Z * float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.inf
    return float(values.mean()) - reach, float(values.mean()) + reach


def of_right(
    columns: Sequence[Column], cells: Mapping[str, np.ndarray], right: np.ndarray
) -> tuple[Slice, ...]:
    """Return how often the rows of each part were answered right, the worst first."""
    found = [
        Slice(name, value, int(mask.sum()), float(right[mask].mean()), *_share(right[mask]))
        for name, value, mask in parts(columns, cells)
    ]
    return tuple(sorted(found, key=lambda part: part.score))


def of_errors(
    columns: Sequence[Column], cells: Mapping[str, np.ndarray], errors: np.ndarray
) -> tuple[Slice, ...]:
    """Return the mean absolute error in each part, the worst first."""
    sizes = np.abs(errors)
    found = [
        Slice(name, value, int(mask.sum()), float(sizes[mask].mean()), *mean_interval(sizes[mask]))
        for name, value, mask in parts(columns, cells)
    ]
    return tuple(sorted(found, key=lambda part: -part.score))


def table(found: Sequence[Slice], score: str) -> Table:
    """Return the parts that are answered worst as a table."""
    rows = [[s.column, s.value, s.rows, s.score, s.low, s.high] for s in found[:SHOWN]]
    about = f"The {SHOWN} worst of {len(found)} parts." if len(found) > SHOWN else ""
    heads = ("column", "is", "test rows", score, "95 % from", "to")
    return Table("Slices", heads, rows, about)


def _share(right: np.ndarray) -> tuple[float, float]:
    return wilson(float(right.sum()), len(right))
