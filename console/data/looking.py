"""`python -m console.data.looking`: look at a data set once, print what there is as JSON, end."""

from __future__ import annotations

import base64
import contextlib
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from components import telling
from components.errors import DataError

MOST = 32 << 20
"""Bytes of text that validation looks at here; a run looks at all of them."""
LONGEST_CELL = 200
PNG = "data:image/png;base64,"


def main() -> None:
    """Answer the request on standard input; an expected error is one line and exit code 1."""
    request = json.load(sys.stdin)
    with telling.told(), contextlib.redirect_stdout(sys.stderr):
        answer = looked(**request)
    json.dump(answer, sys.stdout)


def looked(
    uri: str, scratch: str, target: str = "", drop: tuple[str, ...] = (), task: str = "tabular"
) -> dict[str, Any]:
    """Return the first rows, or, where a target is named, what validation finds.

    Of pictures (the task `image`) it returns the classes and some of them.
    """
    from components.ingest import sources
    from components.ingest.rules import Request

    if task == "image":
        return _pictured(Path(uri))
    files = sources.found(uri, Path(scratch))
    if not target:
        return _glimpsed(files[0].path, len(files))
    return _found(files[0].path, Request(target, tuple(drop), task), Path(scratch))


def _glimpsed(path: Path, files: int) -> dict[str, Any]:
    from components.ingest.glimpse import glimpse

    seen = asdict(glimpse(path))
    first = [[_short(cell) for cell in row] for row in seen["first"]]
    return {**seen, "first": first, "files": files}


def _pictured(path: Path) -> dict[str, Any]:
    from components.ingest.picture_glimpse import glimpse

    seen = glimpse(path)
    shown = [(each.label, PNG + base64.b64encode(each.png).decode()) for each in seen.shown]
    return {"classes": seen.classes, "shown": shown, "broken": seen.broken}


def _short(cell: str | None) -> str | None:
    return cell if cell is None or len(cell) <= LONGEST_CELL else f"{cell[: LONGEST_CELL - 1]}…"


def _found(path: Path, request: Any, scratch: Path) -> dict[str, Any]:
    from components import table_facts
    from components.ingest import glimpse, step
    from components.table_schema import read_schema
    from components.validate import rules
    from components.validate.step import facts_of

    sample = glimpse.sampled(path, MOST)
    part, table = scratch / "part.csv", scratch / "table"
    part.write_bytes(sample.content)
    try:
        step.run(str(part), request, table)
    except DataError as error:
        raise type(error)(str(error).removeprefix(f"{part}: ")) from error
    facts = facts_of(table, table_facts.look(table))
    found = [
        {"level": each.level, "column": each.column, "sentence": each.sentence}
        for each in rules.findings(facts)
    ]
    return {"found": found, "rows": read_schema(table).rows, "complete": sample.complete}


if __name__ == "__main__":
    main()
