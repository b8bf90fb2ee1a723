"""Ingest with files: a path or URI in, a table artifact out."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from components import dataset, telling
from components.errors import DataError
from components.ingest import quick, rules, sources, thorough
from components.ingest.progress import Progress
from components.ingest.reading import Read
from components.ingest.rules import Request
from components.ingest.sources import Source
from components.table_schema import TableSchema
from serving import storage

__all__ = ["Request", "run"]


def run(uri: str, request: Request, table: Path) -> dict[str, Any]:
    """Read the CSV files at `uri` into the table artifact; return its rows, columns and sha256.

    `uri`: a file, a folder, a pattern such as `rows-*.csv.gz`, gs://, s3:// or http(s)://. Raises
    DataError with one sentence for anything that is no table to learn from.
    """
    with _told_when_full(table), storage.partial(table) as unfinished:
        # Downloads and copies in another encoding live here, and go with it.
        scratch = unfinished / "scratch"
        scratch.mkdir(parents=True)
        try:
            schema, header = _ingest(uri, request, unfinished)
        except DataError as error:
            raise type(error)(f"{uri or 'data.uri'}: {error}") from error
        dataset.write_schema(unfinished, schema)
        shutil.rmtree(scratch)
    telling.note(rules.told(schema, header))
    return {"rows": schema.rows, "columns": len(schema.columns), "sha256": schema.sha256}


@contextmanager
def _told_when_full(table: Path) -> Iterator[None]:
    """Turn what a full disk makes of a download, a copy or the table into one sentence."""
    try:
        yield
    except OSError as error:
        full = telling.unwritable(error, table)
        if full is None:
            raise
        raise full from error


def _ingest(uri: str, request: Request, table: Path) -> tuple[TableSchema, tuple[str, ...]]:
    found = sources.found(uri, table / "scratch")
    read = _read(found, request, table)
    schema = dataset.describe(table, read.schema(uri))
    rules.refuse_few_rows(schema.rows)
    if not request.is_regression:
        rules.refuse_quantity(read.target, schema.column(read.target.name).distinct)
    return schema, read.layout.header


def _read(found: Sequence[Source], request: Request, table: Path) -> Read:
    """Read in one pass where nothing is unusual, else look at every cell first."""
    with Progress(sum(source.path.stat().st_size for source in found)) as progress:
        try:
            return quick.read(found, request, table, progress.seen)
        except (DataError, quick.Closer):
            return thorough.read(found, request, table, table / "scratch")
