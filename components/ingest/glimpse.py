"""The first rows of a CSV file, before anybody says what is to be predicted: read in a moment.

However large the file is, a part of it is read; of a packed one no more than that is unpacked.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

from components import csv_bytes, csv_encoding, csv_format, csv_table, csv_unpacked
from components.csv_format import Layout
from components.csv_rows import RecordReader
from components.errors import MalformedError
from components.ingest import rules
from serving.signature import ColumnKind

MOST = 1 << 20
"""Bytes of text that are looked at, more where the first lines are longer."""
SHOWN = 20


@dataclass(frozen=True)
class Sample:
    """Whole records from the start of a text, as UTF-8; `complete`: there are no more."""

    content: bytes
    layout: Layout
    encoding: str
    complete: bool


@dataclass(frozen=True)
class GlimpsedColumn:
    """A column as its first rows show it: missing cells and different values among them."""

    name: str
    kind: ColumnKind
    missing: int
    distinct: int


@dataclass(frozen=True)
class Glimpse:
    """The columns and the first rows; `rows` were looked at, and `complete` says if they are all.

    `headless`: the first line rather looks like values than like names.
    """

    columns: tuple[GlimpsedColumn, ...]
    first: tuple[tuple[str | None, ...], ...]
    rows: int
    complete: bool
    encoding: str
    delimiter: str
    headless: bool


def glimpse(path: Path, most: int = MOST) -> Glimpse:
    """Return what the first rows of a file show. Raises DataError for what is no table."""
    sample = sampled(path, most)
    layout = sample.layout
    rules.refuse_names(layout.header)
    rows = csv_table.scan_csv(sample.content, layout)
    tallies = csv_table.tally(rows, decimal_comma=layout.dialect.separator != b",")
    places = rules.named(layout.header)
    frame = rows.collect()[:, places]
    columns = tuple(
        GlimpsedColumn(
            layout.header[place],
            rules.kind_of(tallies[place]),
            cells.null_count(),
            cells.n_unique(),
        )
        for place, cells in zip(places, frame.iter_columns(), strict=True)
    )
    return Glimpse(
        columns=columns,
        first=tuple(frame.head(SHOWN).rows()),
        rows=frame.height,
        complete=sample.complete,
        encoding=sample.encoding,
        delimiter=layout.dialect.separator.decode(),
        headless=rules.seems_headless(layout.header),
    )


def sampled(path: Path, most: int) -> Sample:
    """Return about `most` bytes of whole records, and how they are written. Raises DataError."""
    text, encoding, complete = _text(path, most)
    try:
        return _cut(text, encoding, complete=complete, quoting=True)
    except MalformedError:
        # As where a file is read whole: quotes that never enclose a cell are characters.
        try:
            return _cut(text, encoding, complete=complete, quoting=False)
        except MalformedError:
            pass
        raise


def _cut(text: bytes, encoding: str, *, complete: bool, quoting: bool) -> Sample:
    layout = csv_format.glance(text[: _end(text)], complete=complete, quoting=quoting)
    reader = RecordReader(quoting=quoting)
    records = list(reader.feed(1, text))
    if complete:
        reader.close()
    # A record that is open where the text was cut is not among them.
    content = text if reader.idle else b"\n".join(each.content for each in records) + b"\n"
    csv_format.count(layout, content)
    return Sample(content, layout, encoding, complete)


def _end(text: bytes) -> int:
    """Return where the first 64 KB of whole lines end."""
    found = text.find(b"\n", csv_bytes.SAMPLE)
    return len(text) if found < 0 else found + 1


def _text(path: Path, most: int) -> tuple[bytes, str, bool]:
    """Return whole lines as UTF-8, in which encoding they are, and whether they are all."""
    content = csv_unpacked.head(path, most + 1)
    complete = len(content) <= most
    if not complete and content.count(b"\n") < 2:
        most += csv_bytes.LINE_LIMIT
        content = csv_unpacked.head(path, most + 1)
        complete = len(content) <= most
    whole = content if complete else content[: content.rfind(b"\n") + 1] or content
    survey = csv_bytes.surveyed(io.BytesIO(whole))
    encoding = survey.encoding or csv_encoding.guess(survey.strange)
    # What was cut off is not there to be decoded; what is wrong is said where the file is read.
    text = whole.decode(encoding, "ignore").removeprefix("\ufeff")
    text = text if "\n" in text else text.replace("\r", "\n")
    return text.encode(), encoding, complete
