"""A look at every cell before any is cast: what is unusual is read, what is wrong is named."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from components import csv_bytes, csv_encoding, csv_format, csv_table, csv_unpacked, dataset
from components.csv_format import Layout
from components.errors import DataError, MalformedError
from components.ingest import rules
from components.ingest.reading import Read
from components.ingest.rules import Request
from components.ingest.sources import Source


@dataclass(frozen=True)
class _Text:
    """A source as UTF-8 text in a known layout."""

    path: Path
    layout: Layout
    encoding: str


def read(sources: Sequence[Source], request: Request, table: Path, scratch: Path) -> Read:
    """Write the rows into the table directory; return what was read.

    Copies in another encoding and unpacked ones are made in `scratch`. Raises DataError with one
    sentence for anything that is no table to learn from.
    """
    digest = sha256()
    texts = [
        _text(source, scratch / f"text-{number}", digest.update)
        for number, source in enumerate(sources)
    ]
    _refuse_mixed_headers(sources, texts)
    header, total = texts[0].layout.header, sum(text.layout.rows for text in texts)
    kept = rules.chosen(header, request)
    rules.refuse_few_rows(total)
    rows = csv_table.stacked([csv_table.scan_csv(text.path, text.layout) for text in texts])
    comma = all(text.layout.dialect.separator != b"," for text in texts)
    casts = rules.casts(header, kept, csv_table.tally(rows, decimal_comma=comma))
    target = next(cast for cast in casts if cast.name == request.target)
    fractions = csv_table.fractions(rows, target) if target.kind == "number" else 0
    kind = rules.target_kind(target, fractions, is_regression=request.is_regression)
    casts = tuple(replace(cast, kind=kind) if cast is target else cast for cast in casts)
    known = csv_table.with_value(rows, target.place)
    dataset.write_rows(table, csv_table.typed(known, casts))
    left_out = total - target.tally.present
    return Read(digest.hexdigest(), texts[0].layout, texts[0].encoding, target, kind, left_out)


def _text(source: Source, scratch: Path, hear: csv_unpacked.Hear) -> _Text:
    with _named(source):
        path = _unpacked(source.path, scratch, hear)
        survey = csv_bytes.survey(path)
        utf8, encoding = csv_encoding.as_utf8(path, survey, scratch.with_suffix(".utf8"))
        return _Text(utf8, csv_format.layout(utf8), encoding)


def _unpacked(path: Path, scratch: Path, hear: csv_unpacked.Hear) -> Path:
    packed = csv_unpacked.packing(path)
    with csv_unpacked.opened(path, hear) as file:
        if packed is not None:
            with scratch.open("wb") as copy:
                shutil.copyfileobj(file, copy, csv_bytes.CHUNK)
    return scratch if packed else path


@contextmanager
def _named(source: Source) -> Iterator[None]:
    """Put the name of the file before what is wrong with it, where there are many."""
    try:
        yield
    except DataError as error:
        raise type(error)(f"{source.name}: {error}" if source.name else str(error)) from error


def _refuse_mixed_headers(sources: Sequence[Source], texts: Sequence[_Text]) -> None:
    first = texts[0].layout.header
    for source, text in zip(sources, texts, strict=True):
        other = text.layout.header
        if other != first:
            raise MalformedError(
                f"{source.name} has other columns than {sources[0].name} "
                f"({_difference(first, other)}): give the files the same header, or name those "
                "that belong together with a pattern."
            )


def _difference(first: tuple[str, ...], other: tuple[str, ...]) -> str:
    lacks = [name for name in first if name not in other]
    more = [name for name in other if name not in first]
    if lacks:
        return f"{lacks[0]!r} is missing"
    return f"{more[0]!r} is new" if more else "in another order"
