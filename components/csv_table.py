"""From CSV text to typed rows with polars: nothing is decided here, cells are counted and cast."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path

import polars as pl

from components.csv_columns import MISSING_WORDS, Cast, Tally
from components.csv_format import Layout
from components.errors import MalformedError

_MISSING = rf"^\s*(?i:{'|'.join(map(re.escape, MISSING_WORDS))})\s*$"
_BOOLEAN = r"^\s*(?i:true|false)\s*$"
_CODE = r"^\s*[+-]?(0\d|\d{19,}\s*$)"


def scan_csv(source: Path | bytes, layout: Layout) -> pl.LazyFrame:
    """Return the rows of a UTF-8 text whose layout is known: text columns, null where missing.

    Columns are numbered "0", "1", …: polars reads a name such as "^a.*$" as a pattern.
    """
    rows = scan_raw(source, layout, {})
    return rows.select(cell(place, layout) for place in range(len(layout.header)))


def scan_raw(
    source: Path | bytes, layout: Layout, types: Mapping[int, pl.DataType]
) -> pl.LazyFrame:
    """Return the rows as they stand there, of text but for the columns in `types`."""
    return pl.scan_csv(
        source,
        has_header=False,
        skip_lines=layout.header_lines,
        schema={str(place): types.get(place, pl.String()) for place in range(len(layout.header))},
        separator=layout.dialect.separator.decode(),
        quote_char='"' if layout.dialect.quoting else None,
        empty_string_is_null=False,
        # A blank line has fewer cells; every other row was measured already.
        missing_columns="insert",
        raise_if_empty=False,
        glob=False,
    )


def cell(place: int, layout: Layout) -> pl.Expr:
    """Return a text cell, null where it is missing."""
    raw = pl.col(str(place))
    text = raw.str.strip_chars() if layout.dialect.padded else raw
    return pl.when(~raw.str.contains(_MISSING)).then(text).alias(str(place))


def stacked(parts: Sequence[pl.LazyFrame]) -> pl.LazyFrame:
    """Return the rows of texts with the same columns, one below the other."""
    return pl.concat(parts) if len(parts) > 1 else parts[0]


def tally(rows: pl.LazyFrame, *, decimal_comma: bool) -> tuple[Tally, ...]:
    """Return what the cells of each column read as, counted over all rows."""
    places = rows.collect_schema().names()
    counts = [
        count.alias(f"{place} {measure}")
        for place in places
        for measure, count in _counts(pl.col(place), decimal_comma=decimal_comma).items()
    ]
    found = _collected(rows.select(counts)).row(0, named=True)
    return tuple(
        Tally(**{field.name: found[f"{place} {field.name}"] for field in fields(Tally)})
        for place in places
    )


def _counts(cell: pl.Expr, *, decimal_comma: bool) -> dict[str, pl.Expr]:
    number = cell.str.strip_chars().cast(pl.Float64, strict=False)
    commas = _with_point(cell).cast(pl.Float64, strict=False)
    return {
        "present": cell.count(),
        "booleans": cell.str.contains(_BOOLEAN).sum(),
        "codes": cell.str.contains(_CODE).sum(),
        "integers": cell.str.strip_chars().cast(pl.Int64, strict=False).count(),
        "numbers": number.count(),
        "decimal_commas": commas.count() if decimal_comma else pl.lit(0),
        "infinite": number.is_infinite().sum(),
    }


def _with_point(cell: pl.Expr) -> pl.Expr:
    """Return 3,14 as 3.14 and null for a cell with a point: which of them it means is unknown."""
    comma = cell.str.strip_chars().str.replace(",", ".", literal=True)
    return pl.when(~cell.str.contains(".", literal=True)).then(comma)


def typed(rows: pl.LazyFrame, casts: Iterable[Cast]) -> pl.LazyFrame:
    """Return the rows with the chosen columns, named, each cast to its kind."""
    return rows.select(typed_cell(cast).alias(cast.name) for cast in casts)


def typed_cell(cast: Cast, *, strict: bool = True) -> pl.Expr:
    """Return a text cell as its column's kind; not `strict`, one that does not fit is null."""
    cell, counted = pl.col(str(cast.place)), cast.tally
    if cast.kind == "text":
        return cell
    stripped = cell.str.strip_chars()
    if cast.kind == "boolean":
        return stripped.str.to_lowercase() == "true"
    if cast.kind == "integer" and counted.integers == counted.present:
        return stripped.cast(pl.Int64, strict=strict)
    text = stripped if counted.numbers == counted.present else _with_point(cell)
    number = text.cast(pl.Float64, strict=strict)
    return number if cast.kind == "number" else number.cast(pl.Int64)


def fractions(rows: pl.LazyFrame, cast: Cast) -> int:
    """Return how many cells of a column of numbers are not whole."""
    number = typed_cell(cast)
    return int(_collected(rows.select((number != number.floor()).sum())).item())


def with_value(rows: pl.LazyFrame, place: int) -> pl.LazyFrame:
    """Return the rows where the cell of that column is not missing."""
    return rows.filter(pl.nth(place).is_not_null())


def _collected(rows: pl.LazyFrame) -> pl.DataFrame:
    """Return the result; the engine has little to complain of, since rows were measured before."""
    try:
        return rows.collect(engine="streaming")
    except pl.exceptions.PolarsError as error:
        first_line = str(error).partition("\n")[0]
        raise MalformedError(f"it cannot be read as CSV: {first_line}.") from error
