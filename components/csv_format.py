"""How a CSV text is written: separator, quoting, header; and that every row has the same width."""

from __future__ import annotations

import codecs
import re
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from components.csv_bytes import SAMPLE, whole_lines
from components.csv_rows import Dialect, Record, RecordReader, cells, without_quoted
from components.errors import MalformedError

SEPARATORS = (b",", b";", b"\t", b"|")
_NONE = (0.0, 0)


@dataclass(frozen=True)
class Layout:
    """A table as text: its dialect, its header, the lines down to the header, the rows below."""

    dialect: Dialect
    header: tuple[str, ...]
    header_lines: int
    rows: int


def layout(path: Path) -> Layout:
    """Return how the UTF-8 file is written, after a look at every row.

    Raises MalformedError for a row that is wider or narrower than the header, a quote that is
    never closed and a text without any separator.
    """
    try:
        return _layout(path, quoting=True)
    except MalformedError:
        # 5'11" is no quoting: where quotes never enclose a cell, they are ordinary characters.
        with suppress(MalformedError):
            return _layout(path, quoting=False)
        raise


def _layout(path: Path, *, quoting: bool) -> Layout:
    with path.open("rb") as file:
        sample, complete = file.read(SAMPLE) + file.readline(), not file.read(1)
    found = glance(sample, complete=complete, quoting=quoting)
    return replace(found, rows=_count_rows(path, found))


def glance(sample: bytes, *, complete: bool, quoting: bool = True) -> Layout:
    """Return how a UTF-8 text is written by its first 64 KB of whole lines; the rows count 0.

    `complete`: whether there is no more text. Raises MalformedError as `layout` does.
    """
    head = _head(sample, complete=complete, quoting=quoting)
    if not head:
        raise MalformedError("it holds blank lines only: give a CSV file with a header and rows.")
    named = re.fullmatch(rb"(?i:sep=)(.)", head[0].content)
    head = head[1:] if named and len(head) > 1 else head
    separators = (named[1],) if named else SEPARATORS
    dialect = _dialect(head, [Dialect(separator, quoting) for separator in separators])
    return Layout(dialect, _header(head[0], dialect), head[0].last_line, 0)


def _head(sample: bytes, *, complete: bool, quoting: bool) -> list[Record]:
    """Return the records of a sample; the last one is left out where it is cut."""
    reader = RecordReader(quoting=quoting)
    records = list(reader.feed(1, sample.removeprefix(codecs.BOM_UTF8)))
    if complete or not records:
        reader.close()
    return records


def _dialect(head: list[Record], candidates: list[Dialect]) -> Dialect:
    """Return the candidate that cuts most rows into as many cells as the header has."""
    # Between equals, max takes the first.
    dialect = max(candidates, key=lambda candidate: _score(head, candidate))
    if _score(head, dialect) == _NONE:
        raise MalformedError(
            f"it has one column only: no comma, semicolon, tab or | separates cells in line "
            f"{head[0].first_line}, {_shown(head[0].content)}; a table needs a target and at "
            "least one more column."
        )
    padded = all(cell.startswith(b" ") for cell in cells(head[0].content, dialect)[1:])
    return replace(dialect, padded=padded)


def _score(head: list[Record], dialect: Dialect) -> tuple[float, int]:
    """Return (share of rows as wide as the header, width of the header); (0, 0) for one column."""
    widths = [_width(record, dialect) for record in head]
    if widths[0] < 2:
        return _NONE
    return widths.count(widths[0]) / len(widths), widths[0]


def _width(record: Record, dialect: Dialect) -> int:
    try:
        return len(cells(record.content, dialect))
    except ValueError:
        return 0


def _header(record: Record, dialect: Dialect) -> tuple[str, ...]:
    try:
        return tuple(cell.decode("utf-8").strip() for cell in cells(record.content, dialect))
    except ValueError as error:
        raise _malformed(record, str(error)) from error


def _count_rows(path: Path, found: Layout) -> int:
    """Return the number of rows below the header; blank lines are none."""
    reader = RecordReader(quoting=found.dialect.quoting)
    rows = 0
    with path.open("rb") as file:
        for _ in range(found.header_lines):
            file.readline()
        for number, chunk in whole_lines(file, found.header_lines + 1):
            counted = _count_quickly(found, chunk) if reader.idle else None
            if counted is None:
                counted = sum(_checked(found, record) for record in reader.feed(number, chunk))
            rows += counted
    reader.close()
    return rows


def count(found: Layout, records: bytes) -> int:
    """Return the rows in these bytes of whole records; raise MalformedError where one differs."""
    counted = _count_quickly(found, records)
    if counted is not None:
        return counted
    reader = RecordReader(quoting=found.dialect.quoting)
    rows = sum(_checked(found, record) for record in reader.feed(1, records))
    reader.close()
    return rows


def _count_quickly(found: Layout, chunk: bytes) -> int | None:
    """Return the number of rows by counting separators; None when a record needs a closer look."""
    plain = without_quoted(chunk, found.dialect) if b'"' in chunk else chunk
    if plain is None:
        return None
    separator, wanted = found.dialect.separator, len(found.header) - 1
    lines = plain.split(b"\n")
    others = [line for line in lines if line.count(separator) != wanted]
    return None if any(line.strip(b" \r") for line in others) else len(lines) - len(others)


def _checked(found: Layout, record: Record) -> int:
    """Return 1 for a record that is as wide as the header, and raise for any other."""
    try:
        width = len(cells(record.content, found.dialect))
    except ValueError as error:
        raise _malformed(record, str(error)) from error
    if width != len(found.header):
        raise _ragged(record.first_line, width, found)
    return 1


def _ragged(line: int, width: int, found: Layout) -> MalformedError:
    cell = "cell" if width == 1 else "cells"
    return MalformedError(
        f"line {line:,} has {width} {cell} where the header has {len(found.header)}: correct it, "
        f"or put a cell that holds {found.dialect.separator.decode()!r} in quotes."
    )


def _malformed(record: Record, why: str) -> MalformedError:
    return MalformedError(
        f"line {record.first_line:,} has {why}, {_shown(record.content)}: put the whole "
        "cell in quotes and double those inside it."
    )


def _shown(content: bytes) -> str:
    text = content.decode("utf-8", "replace").strip()
    return repr(text if len(text) <= 60 else f"{text[:57]}…")
