"""The SQLite file under the store: opening it, one transaction a write, errors in one sentence."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from serving.errors import PlatformError

FORMAT = 1
SCHEMA = """
CREATE TABLE IF NOT EXISTS counter (resource_version INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS objects (
    resource TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
    written_at REAL NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (resource, namespace, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS changes (
    resource_version INTEGER PRIMARY KEY, type TEXT NOT NULL, resource TEXT NOT NULL,
    body TEXT NOT NULL, labels_before TEXT
);
INSERT INTO counter SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM counter);
"""


def open_database(path: Path) -> sqlite3.Connection:
    """Return a connection to the file at `path`, created with its tables where there is none.

    Raises PlatformError when the file cannot be opened, is no database, or is of a newer format.
    """
    with translated(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # autocommit: transactions are opened by hand, so that reading never opens one
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
        try:
            prepare(db, path)
        except BaseException:
            db.close()
            raise
        return db


def prepare(db: sqlite3.Connection, path: Path) -> None:
    """Set the connection up and create what is missing in the file."""
    found = int(db.execute("PRAGMA user_version").fetchone()[0])
    if found > FORMAT:
        raise PlatformError(
            f"{path} was written by a newer Kanarya (format {found}, this one knows {FORMAT}): "
            "use that version, or move the file away to start with no services"
        )
    db.execute("PRAGMA journal_mode = WAL")
    # NORMAL survives a kill of the process, but a power cut may undo the last commits, and a
    # rollback that was answered with 200 must not come undone. FULL costs one fsync a write, and
    # this store sees a few writes a second.
    db.execute("PRAGMA synchronous = FULL")
    if found < FORMAT:
        db.executescript(f"BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version = {FORMAT}; COMMIT;")


@contextmanager
def transaction(db: sqlite3.Connection, path: Path, *, keep: bool = True) -> Iterator[None]:
    """Commit what the block did, all or nothing; with `keep=False` undo it (a dry run)."""
    with translated(path), db:
        db.execute("BEGIN IMMEDIATE")
        yield
        if not keep:
            db.rollback()


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn what SQLite and the file system raise into one sentence that names the file."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise PlatformError(f"{path} cannot be used ({error}): {remedy(error)}") from error


def remedy(error: Exception) -> str:
    """Return what a person can do about an error of the database."""
    text = str(error)
    if "locked" in text:
        return "another process holds it; see `kanarya status`"
    if "not a database" in text or "malformed" in text:
        return "move the file away to start with no services, or restore a backup"
    return "free disk space or make the folder writable, then try again; nothing was changed"
