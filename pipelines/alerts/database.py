"""The file under the outbox: its tables, transactions, errors in one sentence."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.errors import AlertError

FORMAT = 2
PATIENCE_S = 30.0
SCHEMA = """
CREATE TABLE alerts (
    id TEXT PRIMARY KEY, at REAL NOT NULL, body TEXT NOT NULL, state TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX alerts_by_state ON alerts (state, at);
CREATE TABLE deliveries (
    receiver TEXT NOT NULL, alert TEXT NOT NULL, at REAL NOT NULL, state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, ended_at REAL, error TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (receiver, alert)
) WITHOUT ROWID;
CREATE INDEX deliveries_by_state ON deliveries (state, receiver, attempts, at);
CREATE TABLE receivers (
    name TEXT PRIMARY KEY, failures INTEGER NOT NULL, not_before REAL NOT NULL, error TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE conditions (
    rule TEXT NOT NULL, subject TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (rule, subject)
) WITHOUT ROWID;
CREATE TABLE silences (
    rule TEXT NOT NULL, subject TEXT NOT NULL, until REAL NOT NULL, why TEXT NOT NULL,
    who TEXT NOT NULL DEFAULT '', PRIMARY KEY (rule, subject)
) WITHOUT ROWID;
CREATE TABLE readings (
    service TEXT NOT NULL, at REAL NOT NULL, body TEXT NOT NULL, PRIMARY KEY (service, at)
) WITHOUT ROWID;
"""
NEWER = {1: "ALTER TABLE silences ADD COLUMN who TEXT NOT NULL DEFAULT ''"}
"""What makes a file of a format one of the next."""


def opened(path: Path) -> sqlite3.Connection:
    """Return a connection to the outbox, made where there is none. Raises AlertError."""
    with translated(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(path, isolation_level=None, timeout=PATIENCE_S)
        try:
            _prepare(db, path)
        except BaseException:
            db.close()
            raise
        return db


@contextmanager
def transaction(db: sqlite3.Connection, path: Path) -> Iterator[None]:
    """Commit what the block did, or nothing of it."""
    with translated(path), db:
        db.execute("BEGIN IMMEDIATE")
        yield


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn what SQLite and the file system raise into one sentence that names the file."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise AlertError(f"{path} cannot be used ({error}): {_remedy(error)}") from error


def _prepare(db: sqlite3.Connection, path: Path) -> None:
    found = int(db.execute("PRAGMA user_version").fetchone()[0])
    if found > FORMAT:
        raise AlertError(
            f"{path} was written by a newer Kanarya (format {found}, this one knows {FORMAT}): "
            "use that version, or move the file away, and what waits in it is not delivered"
        )
    db.execute("PRAGMA journal_mode = WAL")
    # A power cut may undo the last commits. A rule's alert is undone together with its condition
    # and is raised again; a delivery is made once more, with the same key.
    db.execute("PRAGMA synchronous = NORMAL")
    if found < FORMAT:
        with transaction(db, path):
            # Asked again: somebody may have come first.
            for statement in _missing(int(db.execute("PRAGMA user_version").fetchone()[0])):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {FORMAT}")


def _missing(found: int) -> list[str]:
    """Return what a file of a format lacks, as statements; one of format 0 has nothing yet."""
    return [NEWER[each] for each in range(found, FORMAT)] if found else SCHEMA.split(";")


def _remedy(error: Exception) -> str:
    text = str(error)
    if "locked" in text:
        return "another process holds it; try again"
    if "not a database" in text or "malformed" in text:
        return "move it away; a new one is made, and what waited in it is not delivered"
    return "free disk space or make the folder writable"
