"""Databases as they are at one moment, while others write to them."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pipelines.errors import BackupError

MAGIC = b"SQLite format 3\0"
PATIENCE_S = 30.0


def is_sqlite(path: Path) -> bool:
    """Say whether a file is a SQLite database. Raises OSError."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def snapshot(source: Path, target: Path) -> None:
    """Copy a SQLite database in one transaction, and check the copy.

    One step: in several, each write of another process would begin it anew. Raises BackupError.
    """
    try:
        uri = f"{source.as_uri()}?mode=ro"
        with (
            closing(sqlite3.connect(uri, uri=True, timeout=PATIENCE_S)) as live,
            closing(sqlite3.connect(target)) as copy,
        ):
            copy.execute("PRAGMA synchronous = OFF")
            live.backup(copy)
            # A copy in WAL mode would be two files.
            copy.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        raise BackupError(f"{source} cannot be copied ({error}){_remedy(error)}") from error
    found = faults(target)
    if found:
        raise BackupError(f"{source} is damaged ({found}): restore it from an earlier backup")


def faults(path: Path) -> str:
    """Return the first thing that is wrong in a SQLite file, "" where it is whole."""
    try:
        with closing(sqlite3.connect(path)) as database:
            said = str(database.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.Error as error:
        return str(error)
    return "" if said == "ok" else " ".join(said.split())


def _remedy(error: sqlite3.Error) -> str:
    if "locked" in str(error):
        return ": somebody writes to it for longer than 30 s; try again"
    if "malformed" in str(error) or "not a database" in str(error):
        return ": it is damaged; restore it from an earlier backup"
    return ": free disk space, or make it readable"


def dump_postgres(uri: str, target: Path) -> None:
    """Write what pg_dump makes of a database, in its own compressed format. Raises BackupError.

    The password travels in the environment: what stands on a command line everybody can read.
    """
    # Nobody sits at a backup that asks for a password.
    command = ["pg_dump", "--format=custom", "--no-owner", "--no-password", f"--file={target}"]
    try:
        done = subprocess.run(
            command, env={**os.environ, **postgres(uri)}, capture_output=True, text=True
        )
    except FileNotFoundError as error:
        raise BackupError(
            "pg_dump is not installed, and MLflow is on PostgreSQL; install PostgreSQL's client"
        ) from error
    if done.returncode:
        raise BackupError(f"pg_dump failed: {' '.join(done.stderr.split())}")


def postgres(uri: str) -> dict[str, str]:
    """Return a PostgreSQL URI as the variables that its clients read."""
    parts = urlsplit(uri)
    found = {
        "PGHOST": parts.hostname,
        "PGPORT": parts.port and str(parts.port),
        "PGUSER": parts.username and unquote(parts.username),
        "PGPASSWORD": parts.password and unquote(parts.password),
        "PGDATABASE": parts.path.removeprefix("/"),
    }
    return {name: value for name, value in found.items() if value}
