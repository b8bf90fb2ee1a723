"""Who reads an upload: it is not removed under a run that has not ended."""

from __future__ import annotations

import json

from console.data.runs import Runs
from console.data.uploads import Upload, Uploads
from pipelines.run_row import HERE, Row
from pipelines.run_table import Query
from serving.errors import UsageError


def remove(uploads: Uploads, runs: Runs, upload: Upload) -> None:
    """Remove an upload. Raises UsageError where a run that goes on or waits reads it."""
    readers = [
        row.run_id
        for row in runs.page(Query(limit=10**9)).rows
        if row.where == HERE and not row.ended and _data(runs, row) == str(upload.path)
    ]
    if readers:
        raise UsageError(f"{upload.name} is read by {readers[0]}, which has not ended: cancel it")
    uploads.remove(upload)


def _data(runs: Runs, row: Row) -> str:
    path = runs.table.root / row.run_id / "arguments.json"
    try:
        return str(json.loads(path.read_bytes()).get("data_uri", ""))
    except (OSError, ValueError, AttributeError):
        return ""
