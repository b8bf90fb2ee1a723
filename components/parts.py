"""Parts of the test rows by what is in one column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Protocol

import numpy as np

LEAST_ROWS = 10
MOST_VALUES = 8
"""A column's most frequent values are parts; a number with more is cut at its quartiles."""
NONE = "(missing)"


class Column(Protocol):
    """A column of a model or of a table: `kind` is number, integer, text or boolean."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def kind(self) -> str:
        """What is in its cells."""


def parts(
    columns: Sequence[Column], cells: Mapping[str, np.ndarray]
) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yield column, value and mask of every part of `LEAST_ROWS` rows or more."""
    for column in columns:
        for value, mask in _of(column, cells[column.name]):
            if LEAST_ROWS <= mask.sum() < len(mask):
                yield column.name, value, mask


def _of(column: Column, values: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    missing = np.array([v is None or v != v for v in values.tolist()])
    yield NONE, missing
    known = values[~missing]
    different, counts = np.unique(
        known.astype(str) if column.kind == "text" else known, return_counts=True
    )
    if column.kind in ("number", "integer") and len(different) > MOST_VALUES:
        yield from _quarters(values, missing, known)
        return
    for value in different[np.argsort(-counts, kind="stable")][:MOST_VALUES].tolist():
        shown = bool(value) if column.kind == "boolean" else value
        yield f"{shown:g}" if isinstance(shown, float) else str(shown), ~missing & (values == value)


def _quarters(
    values: np.ndarray, missing: np.ndarray, known: np.ndarray
) -> Iterator[tuple[str, np.ndarray]]:
    marks = np.unique(np.percentile(known, [25, 50, 75]))
    numbers = np.where(missing, np.nan, values.astype(np.float64))
    yield f"up to {marks[0]:.4g}", numbers <= marks[0]
    for low, high in pairwise(marks):
        yield f"{low:.4g} to {high:.4g}", (numbers > low) & (numbers <= high)
    yield f"above {marks[-1]:.4g}", numbers > marks[-1]


def where(column: Column, values: np.ndarray, value: str) -> np.ndarray:
    """Return the mask of the rows whose cell is the value, as a person writes it."""
    if value == NONE:
        return np.array([v is None or v != v for v in values.tolist()])
    if column.kind in ("number", "integer"):
        return np.asarray(values == _number(value))
    return np.array([str(v).casefold() == value.casefold() for v in values.tolist()])


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return np.nan
