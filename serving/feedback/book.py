"""The feedback of one model on the disk: what was predicted under an id, what was true of it.

A label that was taken is on the disk (synced) before anybody hears so. It is joined to its
prediction as soon as both are there, in whichever order they come, and keeps what was predicted
when the prediction itself is forgotten.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from serving.errors import PlatformError
from serving.feedback import schema
from serving.feedback.performance import LivePerformance, Sums, by_version
from serving.feedback.truths import Labelled, Predicted

RETENTION_H = 30 * 24
MOST_ROWS = 1_000_000
SLACK = 1.05
"""Of the bound, beyond which is trimmed: each time a twentieth, so that it seldom happens."""
SWEEP_S = 60.0
CLOCKS_S = 5.0
"""By which the clocks of predictors and collector may differ."""
BUSY_S = 10.0


@dataclass(frozen=True)
class Bounds:
    """How much is kept: for how long, and how many rows of each kind."""

    retention_h: float = RETENTION_H
    rows: int = MOST_ROWS


class BookFull(PlatformError):
    """There is no room for more labels: those that were taken are never given up for others."""


class Book:
    """One file; safe for threads. Every method raises PlatformError where the disk refuses."""

    def __init__(self, path: Path, bounds: Bounds) -> None:
        """Open the file, which is made if it is not there."""
        self._path, self._bounds, self._lock = path, bounds, Lock()
        with self._told():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._database = _opened(path)
            self._predictions, self._labels = map(self._count, ("predictions", "labels"))
        self._swept_at = 0.0

    def predicted(self, rows: Sequence[Predicted], now: float) -> None:
        """Keep what was answered, and join the labels that wait for it."""
        with self._transaction() as database:
            database.executemany(schema.PREDICT, rows)
            if self._labels:
                database.executemany(schema.JOIN, [(*row, CLOCKS_S) for row in rows])
            self._predictions += len(rows)
        self._sweep(now)

    def labelled(self, rows: Sequence[Labelled], now: float) -> int:
        """Keep labels, all or none, and return how many of them have a prediction by now.

        Raises BookFull where there is no room.
        """
        self._sweep(now)
        with self._transaction() as database:
            if self._labels + len(rows) > self._bounds.rows:
                raise BookFull(
                    f"{self._path.stem} has {self._labels} labels, and {self._bounds.rows} are "
                    "kept at most: the oldest go by themselves when they are "
                    f"{self._bounds.retention_h:g} h old; take fewer, or raise the bound."
                )
            database.executemany(schema.LABEL, [(r.id, r.row, now, r.label) for r in rows])
            self._labels += len(rows)
            return sum(self._is_joined(row) for row in rows)

    def performance(self, model: str, window_s: float, now: float) -> LivePerformance:
        """Return how good each version was on its predictions of the last `window_s` seconds."""
        with self._transaction("DEFERRED") as database:
            since = (now - window_s,)
            predictions = dict(database.execute(schema.PREDICTIONS, since).fetchall())
            sums = [
                Sums(version, bool(is_number), int(labels), int(right), *errors)
                for version, is_number, labels, right, *errors in database.execute(
                    schema.SUMS, since
                )
            ]
            (waiting,) = database.execute(schema.WAITING).fetchone()
        return LivePerformance(model, by_version(predictions, sums), window_s, int(waiting))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()

    def _is_joined(self, row: Labelled) -> bool:
        found = self._database.execute(schema.KNOWN, (row.id, row.row)).fetchone()
        return bool(found and found[0])

    def _sweep(self, now: float) -> None:
        """Forget what is too old or too much."""
        too_many = self._predictions > self._bounds.rows * SLACK
        if not too_many and 0 <= now - self._swept_at < SWEEP_S:
            return
        self._swept_at = now
        with self._transaction() as database:
            oldest = (now - self._bounds.retention_h * 3600,)
            for table in ("predictions", "labels"):
                database.execute(schema.FORGET.format(table=table), oldest)
            excess = self._count("predictions") - self._bounds.rows
            if excess > 0:
                database.execute(schema.TRIM, (excess,))
            self._predictions, self._labels = map(self._count, ("predictions", "labels"))

    def _count(self, table: str) -> int:
        return int(self._database.execute(schema.COUNT.format(table=table)).fetchone()[0])

    @contextmanager
    def _transaction(self, kind: str = "IMMEDIATE") -> Iterator[sqlite3.Connection]:
        with self._lock, self._told(), self._database:
            self._database.execute(f"BEGIN {kind}")
            yield self._database

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            raise PlatformError(
                f"{self._path} cannot be read or written ({error}): free disk space, or move the "
                "file away where it is damaged; nothing was taken."
            ) from error


def _opened(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    (found,) = database.execute("PRAGMA user_version").fetchone()
    if found > schema.FORMAT:
        database.close()
        raise PlatformError(
            f"{path} is of a newer release (schema {found}, this one knows {schema.FORMAT}); "
            "use that release."
        )
    database.executescript(schema.CREATE)
    database.execute(f"PRAGMA user_version = {schema.FORMAT}")
    return database
