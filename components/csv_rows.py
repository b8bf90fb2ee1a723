"""Rows of a CSV text as bytes: where each begins and ends, and which cells it holds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from components.csv_bytes import LINE_LIMIT
from components.errors import MalformedError

# A quoted cell: anything between quotes, where a doubled quote stands for one.
_QUOTED = re.compile(rb'"(?:[^"]++|"")*+"')
# Stands for a quoted cell while a record is cut; a file that holds real ones was refused before.
_MARK = b"\0"


@dataclass(frozen=True)
class Dialect:
    """How cells are written; `padded`: a space follows each separator and belongs to no cell."""

    separator: bytes
    quoting: bool = True
    padded: bool = False


@dataclass(frozen=True)
class Record:
    """The bytes of one row without its line end, and the lines where it starts and ends."""

    content: bytes
    first_line: int
    last_line: int


class RecordReader:
    """Joins lines to records: a record ends with a line where every opened quote is closed."""

    def __init__(self, *, quoting: bool) -> None:
        self._quoting = quoting
        self._open: list[bytes] = []
        self._opened_at = 0
        self._size = 0

    @property
    def idle(self) -> bool:
        """Whether the last record is complete."""
        return not self._open

    def feed(self, number: int, chunk: bytes) -> Iterator[Record]:
        """Yield the records that whole lines complete; `number` is that of the first line."""
        lines = chunk.split(b"\n")
        if not lines[-1]:
            lines.pop()
        for offset, line in enumerate(lines):
            record = self._add(number + offset, line)
            if record is not None and record.content.strip(b" \r"):
                yield record

    def close(self) -> None:
        """Raise MalformedError when the text ended inside a quoted cell."""
        if self._open:
            raise self._never_closed()

    def _add(self, number: int, line: bytes) -> Record | None:
        odd = self._quoting and line.count(b'"') % 2 == 1
        if self.idle and not odd:
            return Record(line.removesuffix(b"\r"), number, number)
        self._opened_at = number if self.idle else self._opened_at
        self._open.append(line)
        self._size += len(line)
        if self._size > LINE_LIMIT:
            raise self._never_closed()
        return self._completed(number) if odd and len(self._open) > 1 else None

    def _completed(self, number: int) -> Record:
        content = b"\n".join(self._open).removesuffix(b"\r")
        self._open, self._size = [], 0
        return Record(content, self._opened_at, number)

    def _never_closed(self) -> MalformedError:
        return MalformedError(
            f"line {self._opened_at:,} opens a quote that is not closed within "
            f"{LINE_LIMIT:,} bytes: close it, or double a quote that belongs to the cell."
        )


def cells(record: bytes, dialect: Dialect) -> list[bytes]:
    """Return the cells of a record; raise ValueError for a quote where none may be."""
    if b'"' not in record:
        return record.split(dialect.separator)
    if not dialect.quoting:
        return [_without_quoting(cell) for cell in record.split(dialect.separator)]
    quoted = iter(_QUOTED.findall(record))
    parts = _QUOTED.sub(_MARK, record).split(dialect.separator)
    return [_unquoted(part, quoted) for part in parts]


def without_quoted(chunk: bytes, dialect: Dialect) -> bytes | None:
    """Return whole lines with an x for every quoted cell, so that separators can be counted.

    None where that takes a closer look: a quote is open at the end, or stands inside a cell.
    """
    if not dialect.quoting:
        return None
    marked = _QUOTED.sub(_MARK, chunk)
    separator = re.escape(dialect.separator)
    # A cell that is one quoted cell, from its start to its end.
    plain = re.sub(rb"(?<![^%b\n])\0(?![^%b\r\n])" % (separator, separator), b"x", marked)
    return None if _MARK in plain or b'"' in plain else plain


def _unquoted(part: bytes, quoted: Iterator[bytes]) -> bytes:
    if part == _MARK:
        return next(quoted)[1:-1].replace(b'""', b'"')
    if _MARK in part or b'"' in part:
        raise ValueError("a quote in the middle of a cell")
    return part


def _without_quoting(cell: bytes) -> bytes:
    if cell.startswith(b'"'):
        raise ValueError("a cell in quotes where other quotes are characters")
    return cell
