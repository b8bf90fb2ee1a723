"""Which cells a column takes, and the sentence that says what is wrong with one."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from types import NoneType

import numpy as np

from serving.errors import UsageError
from serving.signature import Cells, Column, ColumnKind

LIMIT = 3.4028234663852886e38
"""The greatest number that a model input (float32) can hold."""

EXPECTED: dict[ColumnKind, str] = {
    "number": "a number (at most 3.4e38)",
    "integer": "a whole number",
    "boolean": "true, false, 0 or 1",
    "text": "a text",
}
LONGEST_NAME = 100
"""Longer names are compared with no other: that takes time by the square of the length."""


class BadRequest(UsageError):
    """A request does not fit the model; the message names row, column, value and remedy."""


class Rule:
    """What the cells of one column must be."""

    def __init__(self, column: Column) -> None:
        self._column = column
        self._known = frozenset(column.categories)
        self._accepts = _ACCEPTS[column.kind]
        self._is_right = self._are_texts if column.kind == "text" else self._are_numbers

    def check(self, cells: Cells) -> None:
        """Raise `BadRequest` for the first cell that the column does not take."""
        if self._is_right(cells):
            return
        for row, cell in enumerate(cells.tolist() if isinstance(cells, np.ndarray) else cells):
            if not self._takes(cell):
                raise BadRequest(
                    f"Row {row} (counted from 0), column {self._column.name!r}: "
                    f"got {shown(cell)}, expected {self._expected()}."
                )

    def _takes(self, cell: object) -> bool:
        if cell is None or cell != cell:
            return self._column.nullable
        if self._known:
            return type(cell) is str and cell in self._known
        return self._accepts(cell)

    def _expected(self) -> str:
        what = EXPECTED[self._column.kind]
        if self._known:
            some = ", ".join(shown(word) for word in self._column.categories[:5])
            what = f"one of {len(self._known)} known texts ({some}"
            what += ", …)" if len(self._known) > 5 else ")"
        return what.replace(" or ", ", ") + " or null" if self._column.nullable else what

    def _are_texts(self, cells: Cells) -> bool:
        """Say whether all are surely right; where not, each is looked at."""
        if not {*map(type, cells)} <= (_TEXT_OR_NULL if self._column.nullable else _TEXT):
            return False
        return not self._known or {*cells} <= self._known | {None}

    def _are_numbers(self, cells: Cells) -> bool:
        numbers = cells if isinstance(cells, np.ndarray) else self._array(cells)
        if numbers is None or (numbers.dtype.kind == "b" and self._column.kind != "boolean"):
            return False
        return self._fit(numbers.astype(np.float64, copy=False))

    def _array(self, cells: Sequence[object]) -> np.ndarray | None:
        if not {*map(type, cells)} <= _KINDS[self._column.kind]:
            return None
        try:
            return np.array(cells, np.float64)
        except OverflowError:
            return None

    def _fit(self, numbers: np.ndarray) -> bool:
        known = numbers[numbers == numbers]
        if len(known) < len(numbers) and not self._column.nullable:
            return False
        if self._column.kind == "boolean":
            return bool(((known == 0) | (known == 1)).all())
        whole = self._column.kind == "number" or (known == np.floor(known)).all()
        return bool(whole and (np.abs(known) <= LIMIT).all())


def nearest(name: str, known: Sequence[str]) -> str:
    """Return " (nearest: 'age')" where one of the known names resembles it, otherwise nothing."""
    found = get_close_matches(name, known, n=1) if len(name) <= LONGEST_NAME else []
    return f" (nearest: {found[0]!r})" if found else ""


def shown(value: object) -> str:
    """Return the value as a client wrote it, shortened to one line."""
    text = json.dumps(_pruned(value, depth=4), ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "..."


def _pruned(value: object, depth: int) -> object:
    """Return the beginning of a value: all that one line has room for, however deep it is."""
    if isinstance(value, str):
        return value[:64]
    if isinstance(value, (list, dict)) and not depth:
        return "..."
    if isinstance(value, list):
        return [_pruned(each, depth - 1) for each in value[:32]]
    if isinstance(value, dict):
        first = [*zip(value.items(), range(32), strict=False)]
        return {str(key)[:64]: _pruned(each, depth - 1) for (key, each), _ in first}
    return value


def _is_number(cell: object) -> bool:
    # bool is a subclass of int, hence the exact types.
    return type(cell) in (int, float) and abs(cell) <= LIMIT  # type: ignore[arg-type]


def _is_whole(cell: object) -> bool:
    return _is_number(cell) and cell == cell // 1  # type: ignore[operator]


def _is_truth(cell: object) -> bool:
    return type(cell) is bool or (_is_number(cell) and cell in (0, 1))


def _is_text(cell: object) -> bool:
    return type(cell) is str


_ACCEPTS: dict[ColumnKind, Callable[[object], bool]] = {
    "number": _is_number,
    "integer": _is_whole,
    "boolean": _is_truth,
    "text": _is_text,
}
_TEXT: set[type] = {str}
_TEXT_OR_NULL: set[type] = {str, NoneType}
_NUMBERS: set[type] = {int, float, NoneType}
_KINDS: dict[ColumnKind, set[type]] = {
    "number": _NUMBERS,
    "integer": _NUMBERS,
    "boolean": _NUMBERS | {bool},
}
"""Types of which numpy makes the number that is meant; anything else is looked at one by one."""
