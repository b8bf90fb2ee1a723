"""Typed rows of one piece of CSV text, read in one go where that gives what cell by cell does.

polars reads numbers from bytes three times as fast as from text cells, but takes 007 for 7 and
knows no "NA". What it may have misread is read again the slow way, which `csv_table` defines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from components import csv_format, csv_table
from components.csv_columns import Cast, Tally
from components.csv_format import Layout

_TYPES: dict[str, pl.DataType] = {"number": pl.Float64(), "integer": pl.Int64()}
# A number from here on may be written with 19 digits, which make it a code.
_CODE_LIMIT = 1e18
# What may stand before the first character of a cell, but for the separator.
_OPENING = np.isin(np.arange(256), list(b' \t\v\f\r\n"')) | (np.arange(256) >= 128)
_SHORT = "short"
BLOCK = 1 << 18
"""Bytes that are compared at once: what comes of them stays in the processor's cache."""


@dataclass(frozen=True)
class Piece:
    """Whole records below the header, and how they are written."""

    content: bytes
    layout: Layout


@dataclass(frozen=True)
class Batch:
    """The rows with a target, and how many rows there were.

    `tallies`: what the cells read as, None where they all read as the casts say.
    """

    rows: pl.DataFrame
    total: int
    tallies: tuple[Tally, ...] | None


def read(piece: Piece, casts: Sequence[Cast], target: int) -> Batch:
    """Return the typed rows of a piece, in columns that are numbered as in the text.

    Raises MalformedError for a row of another width than the header's.
    """
    found = _directly(piece, casts)
    # A row that is too short lacks its last cell, and so does a blank line.
    sure = found is not None and not found.item(0, _SHORT) and b'"' not in piece.content
    total = found.height if found is not None and sure else _count(piece)
    if found is None:
        return _by_cell(piece, casts, target, total)
    rows = found.select(str(cast.place) for cast in casts)
    return Batch(rows.filter(pl.col(str(target)).is_not_null()), total, None)


def _count(piece: Piece) -> int:
    return csv_format.count(piece.layout, piece.content)


def _by_cell(piece: Piece, casts: Sequence[Cast], target: int, total: int) -> Batch:
    """Return the rows as `csv_table` reads them, a cell that does not fit its cast as missing."""
    rows = csv_table.scan_csv(piece.content, piece.layout)
    known = csv_table.with_value(rows, target)
    frame = known.select(
        csv_table.typed_cell(cast, strict=False).alias(str(cast.place)) for cast in casts
    )
    return Batch(frame.collect(), total, tally(piece))


def _directly(piece: Piece, casts: Sequence[Cast]) -> pl.DataFrame | None:
    """Return the rows and whether one may be too short; None where cells need a closer look."""
    types = {} if piece.layout.dialect.padded else _types(casts)
    if types and _has_code(piece):
        return None
    rows = csv_table.scan_raw(piece.content, piece.layout, types)
    place = len(piece.layout.header) - 1
    last = pl.col(str(place)) if place in types else pl.col(str(place)).replace("", None)
    cells = [_cell(cast, piece.layout, types) for cast in casts]
    try:
        found = rows.select(*cells, last.is_null().any().alias(_SHORT)).collect()
    except pl.exceptions.PolarsError:
        return None
    fits = all(_fits(cast, found.get_column(str(cast.place))) for cast in casts)
    return _with_booleans(found, casts) if found.height and fits else None


def _types(casts: Sequence[Cast]) -> dict[int, pl.DataType]:
    """Return the columns that may be read as numbers: those without decimal commas."""
    return {
        cast.place: _TYPES[cast.kind]
        for cast in casts
        if cast.kind in _TYPES and cast.tally.numbers == cast.tally.present
    }


def _cell(cast: Cast, layout: Layout, types: Mapping[int, pl.DataType]) -> pl.Expr:
    if cast.place in types:
        return pl.col(str(cast.place))
    text = csv_table.cell(cast.place, layout)
    return text.str.strip_chars().str.to_lowercase() if cast.kind == "boolean" else text


def _fits(cast: Cast, cells: pl.Series) -> bool:
    """Say whether the cells are what the cast says, and surely nothing narrower or wider."""
    if cells.null_count() == len(cells):
        return True
    if cells.dtype == pl.String:
        words = cast.kind == "boolean"
        known = cells.drop_nulls().is_in(("true", "false")).all() if words else cast.tally.present
        return cast.kind in ("text", "boolean") and bool(known)
    least, most = cells.min(), cells.max()
    limited = least > -_CODE_LIMIT and most < _CODE_LIMIT  # type: ignore[operator]
    return bool(limited) and not (cells.dtype == pl.Float64 and cells.is_nan().any())


def _with_booleans(found: pl.DataFrame, casts: Sequence[Cast]) -> pl.DataFrame:
    named = [str(cast.place) for cast in casts if cast.kind == "boolean"]
    return found.with_columns(pl.col(named) == "true") if named else found


def _has_code(piece: Piece) -> bool:
    """Say whether a cell may start with 0 and a digit, such as 007, by the bytes before them."""
    # A cell always has a byte before it: the separator or the end of a line.
    text = np.frombuffer(b"\n\n" + piece.content, np.uint8)
    separator = piece.layout.dialect.separator[0]
    return any(
        _opens_with_code(text[start - 2 : start + BLOCK + 1], separator)
        for start in range(2, len(text) - 1, BLOCK)
    )


def _opens_with_code(text: np.ndarray, separator: int) -> bool:
    """Say so of the bytes but for the first two and the last one."""
    before, zero, digit = text[1:-2], text[2:-1], text[3:]
    # What is below wraps around to above, so that one comparison does: no point or digit before.
    found = (zero == ord("0")) & ((digit - ord("0")) < 10) & ((before - ord(".")) >= 12)
    pairs = np.flatnonzero(found)
    signed = np.isin(before[pairs], (ord("+"), ord("-")))
    opening = np.where(signed, text[pairs], before[pairs])
    return bool((_OPENING[opening] | (opening == separator)).any())


def tally(piece: Piece) -> tuple[Tally, ...]:
    """Return what the cells of each column read as."""
    rows = csv_table.scan_csv(piece.content, piece.layout)
    return csv_table.tally(rows, decimal_comma=piece.layout.dialect.separator != b",")


def whole(rows: pl.DataFrame, place: int) -> pl.DataFrame | None:
    """Return the rows with that column of numbers as integers; None where one has a fraction."""
    numbers = rows.get_column(str(place))
    if (numbers != numbers.floor()).any():
        return None
    return rows.with_columns(numbers.cast(pl.Int64))
