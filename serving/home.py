"""The format of a home: what an older Kanarya left is opened, what a newer one left is refused.

`<home>/format.json` holds {"format": 1}. Whoever changes what any file of a home means raises
`FORMAT` and says in docs/upgrading.md how the older one is read; databases and records that travel
alone have formats of their own, which are listed there too.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import suppress
from pathlib import Path

from serving import lasting
from serving.errors import UsageError

FORMAT = 1
FILE = "format.json"


def mark(home: Path) -> None:
    """Write down the format of a home that has none yet, where that can be done."""
    with suppress(OSError):  # it would say what no mark says, and whoever writes more tells of it
        lasting.create(home / FILE, json.dumps({"format": FORMAT}).encode() + b"\n")


def require_known(home: Path) -> None:
    """Raise UsageError where a newer Kanarya wrote this home; one without a mark is of format 1."""
    found = _format(home / FILE)
    if found > FORMAT:
        raise UsageError(
            f"{home} was written by a newer Kanarya (format {found}, this one reads {FORMAT}): use "
            "that version, restore an older backup, or choose another home with KANARYA_HOME"
        )


def require_schema(database: sqlite3.Connection, path: Path, schema: int) -> None:
    """Mark a database with the number of its schema; raise UsageError where it has a newer one."""
    found = int(database.execute("PRAGMA user_version").fetchone()[0])
    if found > schema:
        raise UsageError(
            f"{path} was written by a newer Kanarya (format {found}, this one reads {schema}): use "
            "that version, or restore an older backup"
        )
    if found < schema:
        database.execute(f"PRAGMA user_version = {schema:d}")


def _format(path: Path) -> int:
    with suppress(OSError):  # whoever needs the home says what is wrong with its folder
        text = path.read_text(encoding="utf-8")
        try:
            return int(json.loads(text)["format"])
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(
                f"{path} does not say a format ({text[:40]!r}): restore the home from a backup, or "
                f'write {{"format": {FORMAT}}} into it'
            ) from error
    return FORMAT
