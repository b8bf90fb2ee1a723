"""Which cells a column takes, and the sentence that says what is wrong with one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from types import NoneType

from serving.errors import UsageError
from serving.signature import Column, ColumnKind

LIMIT = 3.4028234663852886e38
"""The greatest number that a model input (float32) can hold."""

EXPECTED: dict[ColumnKind, str] = {
    "number": "a number (at most 3.4e38) or null",
    "integer": "a whole number or null",
    "boolean": "true, false, 0, 1 or null",
    "text": "a text or null",
}


class BadRequest(UsageError):
    """A request does not fit the model; the message names row, column, value and remedy."""


def check(inputs: Iterable[Column], columns: dict[str, list[object]]) -> None:
    """Raise `BadRequest` for the first cell that its column does not take."""
    for column in inputs:
        _check_column(column, columns[column.name])


def nearest(name: str, known: Sequence[str]) -> str:
    """Return " (nearest: 'age')" where one of the known names resembles it, otherwise nothing."""
    found = get_close_matches(name, known, n=1)
    return f" (nearest: {found[0]!r})" if found else ""


def shown(value: object) -> str:
    """Return the value as a client wrote it, shortened to one line."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "..."


def _check_column(column: Column, cells: list[object]) -> None:
    if {*map(type, cells)} <= _SURE[column.kind]:
        return
    accepts = _ACCEPTS[column.kind]
    for row, cell in enumerate(cells):
        if cell is not None and not accepts(cell):
            raise BadRequest(
                f"Row {row} (counted from 0), column {column.name!r}: "
                f"got {shown(cell)}, expected {EXPECTED[column.kind]}."
            )


def _is_number(cell: object) -> bool:
    # bool is a subclass of int, hence the exact types; NaN stands for a missing cell.
    return type(cell) in (int, float) and (cell != cell or abs(cell) <= LIMIT)  # type: ignore[arg-type]


def _is_whole(cell: object) -> bool:
    return _is_number(cell) and (cell != cell or cell == cell // 1)  # type: ignore[operator]


def _is_truth(cell: object) -> bool:
    return type(cell) is bool or (_is_number(cell) and (cell != cell or cell in (0, 1)))


def _is_text(cell: object) -> bool:
    return type(cell) is str


_ACCEPTS: dict[ColumnKind, Callable[[object], bool]] = {
    "number": _is_number,
    "integer": _is_whole,
    "boolean": _is_truth,
    "text": _is_text,
}

_SURE: dict[ColumnKind, set[type]] = {
    "number": {NoneType},
    "integer": {NoneType},
    "boolean": {NoneType, bool},
    "text": {NoneType, str},
}
"""Types of which every value is right: a column of nothing else needs no second look."""
