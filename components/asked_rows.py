"""Rows that somebody wants predicted, from a CSV or Parquet file, as they stand there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from components import csv_bytes, csv_encoding, csv_format, csv_table
from components.csv_format import Layout
from components.csv_rows import Dialect
from components.errors import MalformedError

PARQUET = b"PAR1"
"""What a Parquet file begins with."""

Row = dict[str, Any]


def of_csv(path: Path, scratch: Path, limit: int = 0, size: int = 500) -> Iterator[list[Row]]:
    """Yield rows by column, `size` at a time: texts, None where a cell is missing.

    Separator, quoting and encoding are found out as in ingest; a file in another encoding is copied
    to `scratch`. `limit`: rows at most, 0: all. Raises DataError with the rest of a sentence.
    """
    text, _ = csv_encoding.as_utf8(path, csv_bytes.survey(path), scratch)
    layout = _layout(text)
    names = {str(place): name for place, name in enumerate(layout.header)}
    yield from _batches(csv_table.scan_csv(text, layout), names, (limit, size))


def of_parquet(path: Path, limit: int = 0, size: int = 500) -> Iterator[list[Row]]:
    """Yield rows by column, `size` at a time, of the types that the file has.

    `limit`: rows at most, 0: all. Raises MalformedError with the rest of a sentence.
    """
    yield from _batches(pl.scan_parquet(path, glob=False), {}, (limit, size))


def _batches(
    rows: pl.LazyFrame, names: dict[str, str], wanted: tuple[int, int]
) -> Iterator[list[Row]]:
    limit, size = wanted
    try:
        found = (rows.head(limit) if limit else rows).collect(engine="streaming")
    except pl.exceptions.PolarsError as error:
        first_line = str(error).partition("\n")[0]
        raise MalformedError(f"it cannot be read: {first_line}.") from error
    for part in found.rename(names).iter_slices(size):
        yield part.to_dicts()


def _layout(text: Path) -> Layout:
    """Return how the text is written; one column without any separator is enough to ask about."""
    with text.open("rb") as file:
        first = file.readline(csv_bytes.LINE_LIMIT)
    if any(separator in first for separator in csv_format.SEPARATORS):
        return csv_format.layout(text)
    found = Layout(Dialect(b","), (first.decode("utf-8-sig").strip().strip('"'),), 1, 0)
    csv_format.count(found, text.read_bytes())
    return found
