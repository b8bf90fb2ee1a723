"""A home in another place: what names the old place is made to name the new one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from pipelines.backup import databases
from serving import moved
from serving.moved import Moves

# What a repetition of a run reads; what a run has said stays as it was said.
_RECORDS = ("asked.json", "origin.json", "arguments.json")
_WORDS = ("CHAR", "TEXT", "CLOB", "JSON")


def rebase(home: Path, moves: Moves) -> None:
    """Let the databases, records and links of a home that is being built name its places."""
    if not moves:
        return
    for path in home.rglob("*"):
        if path.is_symlink():
            leads = moves.applied(str(path.readlink()))
            path.unlink()
            path.symlink_to(leads)
    for path in sorted(home.rglob("*.db")):
        if databases.is_sqlite(path):
            _database(path, moves)
    for name in _RECORDS:
        for path in home.glob(f"runs/*/{name}"):
            text = path.read_text(encoding="utf-8")
            path.write_text(moves.applied(text), encoding="utf-8")
    _ledger(home / "ledger", moves)


def _ledger(place: Path, moves: Moves) -> None:
    """Say beside the ledger's records, which nobody may change, where their models are now."""
    if place.is_dir():
        earlier = moved.read(str(place))
        (place / moved.FILE).write_bytes(moves.after(earlier).to_bytes())


def _database(path: Path, moves: Moves) -> None:
    """Rewrite every text in a database that names an old place: whichever column has one."""
    with closing(sqlite3.connect(path)) as database, database:
        database.create_function("rebased", 1, moves.applied, deterministic=True)
        for table, column in list(_columns(database)):
            cell = f'"{table}"."{column}"'
            names = " OR ".join(f"instr({cell}, ?)" for _ in moves.marks)
            database.execute(
                f'UPDATE "{table}" SET "{column}" = rebased({cell}) '
                f"WHERE typeof({cell}) = 'text' AND ({names})",
                moves.marks,
            )


def _columns(database: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    for (table,) in tables:
        for row in database.execute(f'PRAGMA table_info("{table}")').fetchall():
            if any(word in str(row[2]).upper() for word in _WORDS):
                yield str(table), str(row[1])
