"""Ingest with files: a path or URI in, a table artifact out."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from components import csv_bytes, csv_encoding, csv_format, csv_table, dataset, telling
from components.csv_columns import Cast
from components.csv_format import Layout
from components.errors import DataError, UnreadableError
from components.ingest import rules
from components.ingest.rules import Request
from components.table_schema import TableSchema, TargetKind
from serving import storage

__all__ = ["Request", "run"]


@dataclass(frozen=True)
class _Text:
    """The source as UTF-8 text in a known layout, and what its bytes were."""

    path: Path
    layout: Layout
    sha256: str
    encoding: str


def run(uri: str, request: Request, table: Path) -> dict[str, Any]:
    """Read the CSV file at `uri` into the table artifact; return its rows, columns and sha256.

    Raises DataError with one sentence for anything that is no table to learn from.
    """
    with storage.partial(table) as unfinished:
        # Downloads and copies in another encoding live here, and go with it.
        scratch = unfinished / "scratch"
        scratch.mkdir(parents=True)
        try:
            schema = _ingest(uri, request, unfinished)
        except DataError as error:
            raise type(error)(f"{uri or 'data.uri'}: {error}") from error
        dataset.write_schema(unfinished, schema)
        shutil.rmtree(scratch)
    telling.note(rules.told(schema))
    return {"rows": schema.rows, "columns": len(schema.columns), "sha256": schema.sha256}


def _ingest(uri: str, request: Request, table: Path) -> TableSchema:
    text = _read(uri, table / "scratch")
    header = text.layout.header
    kept = rules.chosen(header, request)
    rules.refuse_few_rows(text.layout.rows)
    rows = csv_table.scan_csv(text.path, text.layout)
    comma = text.layout.dialect.separator != b","
    casts = rules.casts(header, kept, csv_table.tally(rows, decimal_comma=comma))
    target = next(cast for cast in casts if cast.name == request.target)
    fractions = csv_table.fractions(rows, target) if target.kind == "number" else 0
    kind = rules.target_kind(target, fractions, is_regression=request.is_regression)
    casts = tuple(replace(cast, kind=kind) if cast is target else cast for cast in casts)
    known = csv_table.with_value(rows, target.place)
    dataset.write_rows(table, csv_table.typed(known, casts))
    schema = dataset.describe(table, _schema(uri, text, target, kind))
    rules.refuse_few_rows(schema.rows)
    if not request.is_regression:
        rules.refuse_quantity(target, schema.column(target.name).distinct)
    return schema


def _read(uri: str, scratch: Path) -> _Text:
    path = _source(uri, scratch)
    survey = csv_bytes.survey(path)
    utf8, encoding = csv_encoding.as_utf8(path, survey, scratch / "utf8.csv")
    return _Text(utf8, csv_format.layout(utf8), survey.sha256, encoding)


def _schema(uri: str, text: _Text, target: Cast, kind: TargetKind) -> TableSchema:
    """Return the schema but for its columns and rows, which are counted in what was written."""
    return TableSchema(
        columns=(),
        target=target.name,
        target_kind=kind,
        rows=0,
        sha256=text.sha256,
        source=uri,
        delimiter=text.layout.dialect.separator.decode(),
        encoding=text.encoding,
        rows_without_target=text.layout.rows - target.tally.present,
    )


def _source(uri: str, scratch: Path) -> Path:
    """Return a readable local file; raise UnreadableError with the reason and the nearest names."""
    if not uri.strip():
        raise UnreadableError("no file was given: name one with --data (data.uri in a spec).")
    path = storage.local_path(uri) or storage.fetch(uri, scratch / "source")
    try:
        _refuse_what_is_no_file(path)
        path.open("rb").close()
    except OSError as error:
        raise UnreadableError(
            f"it cannot be read ({error.strerror}): give this user the right to (chmod u+r)."
        ) from error
    return path


def _refuse_what_is_no_file(path: Path) -> None:
    if path.is_dir():
        inside = sorted(each.name for each in path.iterdir() if each.suffix == ".csv")[:3]
        found = f", such as {' or '.join(inside)}" if inside else ""
        raise UnreadableError(f"it is a folder: name one CSV file in it{found}.")
    if path.is_symlink() and not path.exists():
        raise UnreadableError("it is a link that leads nowhere: name the file itself.")
    if not path.exists():
        raise UnreadableError(f"there is no such file{_neighbours(path)}.")
    if not path.is_file():
        raise UnreadableError("it is neither a file nor a folder: give a CSV file.")


def _neighbours(path: Path) -> str:
    """Return what a misspelt name probably meant, or what its folder lacks."""
    if not path.parent.is_dir():
        return f": the folder {path.parent} does not exist either"
    names = sorted(each.name for each in path.parent.iterdir())
    near = get_close_matches(path.name, names, n=3) or [n for n in names if n.endswith(".csv")][:3]
    return f": did you mean {' or '.join(near)}" if near else f": {path.parent} has no CSV file"
