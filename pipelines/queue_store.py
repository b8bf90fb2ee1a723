"""The queue's database: what waits and who works on what, in Huey's SQLite store.

Huey hands a task out by deleting it, and a killed worker takes it along. Here it becomes a claim in
the same transaction, and stays one until the run has ended. That is all that is kept here: what was
asked for and how it went is in the run's folder, from which this file can be made anew.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from huey.registry import Message
from huey.serializer import Serializer
from huey.storage import SqliteStorage

from components.telling import unwritable
from pipelines.errors import QueueError
from pipelines.processes import Process, this
from serving.home import require_schema

PATIENCE_S = 30.0
"""For which a transaction waits while others write."""
FORMAT = 1
CLAIM, PAUSED, WORKERS = "claim:", "paused", "workers"


class JsonMessages(Serializer):
    """Messages as JSON: what is read from a file is never unpickled."""

    def _serialize(self, data: Any) -> bytes:
        return json.dumps(list(data) if isinstance(data, tuple) else data).encode()

    def _deserialize(self, data: bytes) -> Any:
        found = json.loads(bytes(data))
        return Message(*found) if isinstance(found, list) else found


@dataclass(frozen=True)
class Waiting:
    """A run that waits; `number` is its place: lower ones were queued before."""

    run_id: str
    model: str
    number: int
    priority: int


@dataclass(frozen=True)
class Claim:
    """A run that was handed out. Without a worker it is to be begun again, before all others.

    `tail`: it has the model's tail, from its evaluation to the end of its rollout. `waits_for`: the
    run that has it, or comes first. `cancelled_by`: who wants it to end.
    """

    run_id: str
    model: str
    number: int
    priority: int
    message: str
    worker: Process | None
    since: float
    tail: bool = False
    waits_for: str = ""
    cancelled_by: str = ""

    def to_json(self) -> bytes:
        """Return the claim as it is stored."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Claim:
        """Return a stored claim."""
        record = json.loads(bytes(data))
        worker = record.pop("worker")
        return cls(**record, worker=Process(**worker) if worker else None)


class ClaimingStorage(SqliteStorage):
    """Huey's store, in which a task that is handed out stays as a claim until its run has ended."""

    _conn: Any
    _file: tuple[int, int] | None = None

    @property
    def conn(self) -> Any:
        """Return the connection; a new one where the file was put aside and made anew."""
        if self._conn is not None and self._file != _identity(self.filename):
            self._conn.close()
            self._conn = None
        if self._conn is None:
            self._conn = self._create_connection()
            # After a power failure the last transactions may be lost; the folders know better.
            self._conn.execute("pragma synchronous=normal")
            require_schema(self._conn, Path(self.filename), FORMAT)
            self._file = _identity(self.filename)
        return self._conn

    @contextlib.contextmanager
    def db(self, commit: bool = False, close: bool = False) -> Iterator[sqlite3.Cursor]:
        """Lend a cursor; raise QueueError for a file that is damaged, closed or busy."""
        try:
            with super().db(commit, close) as cursor:
                yield cursor
        except sqlite3.DatabaseError as error:
            raise refusal(Path(self.filename), error) from error

    def dequeue(self) -> bytes | None:
        """Hand out a task to this process; None where nothing may be begun now."""
        with self.db(commit=True) as cursor:
            claims = self._claims(cursor)
            left = [claim for claim in claims if claim.worker is None]
            if left:
                claim = replace(min(left, key=_place), worker=this(), since=time.time())
            elif self._setting(cursor, PAUSED) or len(claims) >= self._limit(cursor):
                return None
            else:
                first = self._first(cursor)
                if first is None:
                    return None
                claim = first
            self._keep(cursor, claim)
            return claim.message.encode()

    def put_once(self, waiting: tuple[str, int], message: bytes) -> bool:
        """Queue a message for a run id with a priority; False where that run is here already."""
        run_id, priority = waiting
        with self.db(commit=True) as cursor:
            known = {each.run_id for each in self._waiting(cursor)}
            known |= {each.run_id for each in self._claims(cursor)}
            if run_id in known:
                return False
            insert = "insert into task (queue, data, priority) values (?, ?, ?)"
            cursor.execute(insert, (self.name, message, priority))
            return True

    def adopt(self, claims: Sequence[Claim]) -> int:
        """Keep claims of runs that are not here; return how many of them were not."""
        with self.db(commit=True) as cursor:
            known = {each.run_id for each in self._waiting(cursor)}
            known |= {each.run_id for each in self._claims(cursor)}
            found = [claim for claim in claims if claim.run_id not in known]
            for claim in found:
                self._keep(cursor, claim)
            return len(found)

    def takeable(self) -> int:
        """Return how many runs could be begun now."""
        with self.db() as cursor:
            claims = self._claims(cursor)
            again = sum(claim.worker is None for claim in claims)
            if self._setting(cursor, PAUSED):
                return again
            room = max(0, self._limit(cursor) - len(claims))
            return again + min(room, len(self._waiting(cursor)))

    def waiting(self) -> list[Waiting]:
        """Return what waits, in the order in which it will be begun."""
        with self.db() as cursor:
            return self._waiting(cursor)

    def claims(self) -> list[Claim]:
        """Return what was handed out, in the order in which it was queued."""
        with self.db() as cursor:
            return self._claims(cursor)

    def withdraw(self, run_id: str) -> bool:
        """Take out a run that waits; False where it does not wait."""
        with self.db(commit=True) as cursor:
            found = [each for each in self._waiting(cursor) if each.run_id == run_id]
            for each in found:
                cursor.execute("delete from task where id = ?", (each.number,))
            return bool(found)

    def change(self, run_id: str, **values: Any) -> Claim | None:
        """Change a claim and return what it is now; None where there is none."""
        with self.db(commit=True) as cursor:
            found = self._claim(cursor, run_id)
            if found is None:
                return None
            changed = replace(found, **values)
            self._keep(cursor, changed)
            return changed

    def end(self, run_id: str) -> None:
        """Forget a claim: its run has ended."""
        delete = "delete from kv where queue = ? and key = ?"
        self.sql(delete, (self.name, CLAIM + run_id), commit=True)

    def enter_tail(self, run_id: str) -> str | None:
        """Take the tail of the run's model; return the run to wait for where it cannot be had.

        One run has it at a time, and of those that are under way the one that was queued first.
        Only runs that are under way are waited for, so that there is always one that goes on.
        """
        with self.db(commit=True) as cursor:
            mine = self._claim(cursor, run_id)
            if mine is None:
                return None  # somebody has ended the claim, and the run with it
            others = [
                each
                for each in self._claims(cursor)
                if each.model == mine.model and each.run_id != run_id
            ]
            before = [each for each in others if each.tail or each.number < mine.number]
            ahead = before[0].run_id if before and not mine.tail else ""
            self._keep(cursor, replace(mine, tail=not ahead, waits_for=ahead))
            return ahead or None

    def setting(self, name: str) -> Any:
        """Return a setting; None where it was never set."""
        with self.db() as cursor:
            return self._setting(cursor, name)

    def set(self, name: str, value: Any) -> None:
        """Keep a setting."""
        self.put_data(name, json.dumps(value).encode())

    def _first(self, cursor: sqlite3.Cursor) -> Claim | None:
        """Take the first that waits out of the queue; return it as a claim of this process."""
        cursor.execute(
            "select id, data, priority from task where queue = ? "
            "order by priority desc, id limit 1",
            (self.name,),
        )
        row = cursor.fetchone()
        if row is None:
            return None
        number, data, priority = row
        cursor.execute("delete from task where id = ?", (number,))
        run_id, model = Message(*json.loads(bytes(data))).args
        text = bytes(data).decode()
        return Claim(run_id, model, number, int(priority), text, this(), time.time())

    def _waiting(self, cursor: sqlite3.Cursor) -> list[Waiting]:
        cursor.execute(
            "select id, data, priority from task where queue = ? order by priority desc, id",
            (self.name,),
        )
        return [_waits(*row) for row in cursor.fetchall()]

    def _claims(self, cursor: sqlite3.Cursor) -> list[Claim]:
        cursor.execute(
            "select value from kv where queue = ? and key like ?", (self.name, f"{CLAIM}%")
        )
        return sorted((Claim.from_json(value) for (value,) in cursor.fetchall()), key=_place)

    def _claim(self, cursor: sqlite3.Cursor, run_id: str) -> Claim | None:
        found = [each for each in self._claims(cursor) if each.run_id == run_id]
        return found[0] if found else None

    def _keep(self, cursor: sqlite3.Cursor, claim: Claim) -> None:
        cursor.execute(
            "insert or replace into kv (queue, key, value) values (?, ?, ?)",
            (self.name, CLAIM + claim.run_id, claim.to_json()),
        )

    def _limit(self, cursor: sqlite3.Cursor) -> int:
        return int(self._setting(cursor, WORKERS) or 1)

    def _setting(self, cursor: sqlite3.Cursor, name: str) -> Any:
        cursor.execute("select value from kv where queue = ? and key = ?", (self.name, name))
        row = cursor.fetchone()
        return json.loads(bytes(row[0])) if row else None


def refusal(path: Path, error: sqlite3.DatabaseError) -> QueueError:
    """Return what to say of a database that cannot be used."""
    if full := unwritable(error, path):
        return QueueError(str(full))
    if "locked" in str(error):
        return QueueError(f"{path} is busy for longer than {PATIENCE_S:g} s; run it again")
    return QueueError(
        f"{path} is damaged ({error}): `kanarya queue repair` makes it anew from the folders of "
        "the runs, of which none is lost"
    )


def _identity(filename: str) -> tuple[int, int] | None:
    try:
        found = Path(filename).stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _waits(number: int, data: bytes, priority: float) -> Waiting:
    run_id, model = Message(*json.loads(bytes(data))).args
    return Waiting(run_id, model, number, int(priority))


def _place(claim: Claim) -> int:
    return claim.number
