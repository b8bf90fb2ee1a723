"""The queue as its page shows it: what runs and waits, what ended, how fast it all goes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from console.data.runs import Runs
from console.data.steps import SILENT
from pipelines import enqueue, workers
from pipelines.queue import RUNS, WAITS, Entry, Queue, path
from pipelines.queue_rules import checked_workers
from pipelines.run_row import HERE, Row
from pipelines.run_table import Query
from pipelines.run_times import StepTime, ended_per_hour, step_times
from serving.settings import Settings

T = TypeVar("T")
RECENT = 10
TIMED = 200
"""So many of the newest runs tell how long steps take."""


@dataclass(frozen=True)
class Waiting:
    """One run of the queue, with the seconds it has been where it is."""

    entry: Entry
    seconds: int


@dataclass(frozen=True)
class Standing:
    """The queue at one moment.

    `up`: whether a supervisor starts workers. `at_once`: how many runs may go on at once.
    `per_hour`: runs that ended in the last hour.
    """

    up: bool
    paused: bool
    at_once: int
    entries: tuple[Waiting, ...]
    recent: tuple[Row, ...]
    per_hour: float
    steps: tuple[StepTime, ...]

    @property
    def running(self) -> int:
        """Return how many runs go on now."""
        return sum(each.entry.state == RUNS for each in self.entries)

    @property
    def ready(self) -> int:
        """Return how many runs could begin if a worker were free."""
        return sum(each.entry.state == WAITS for each in self.entries)

    @property
    def held_back(self) -> int:
        """Return how many wait for another run of their model, or to be begun again."""
        return len(self.entries) - self.running - self.ready


@dataclass
class QueueSeen:
    """The queue of one home, for threads."""

    settings: Settings
    runs: Runs
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _timed: tuple[tuple[str, ...], tuple[StepTime, ...]] = ((), ())

    def standing(self) -> Standing:
        """Return how the queue is doing. Raises QueueError where its database is damaged."""
        now = time.time()
        ended = self._ended()
        up = workers.status(self.settings).running
        view = self._with(Queue.view) if path(self.settings).exists() else None
        return Standing(
            up=up,
            paused=view.paused if view else False,
            at_once=view.workers if view else 1,
            entries=tuple(_waiting(each, now) for each in view.entries) if view else (),
            recent=ended[:RECENT],
            per_hour=ended_per_hour(ended, now),
            steps=self._step_times(tuple(row.run_id for row in ended[:TIMED])),
        )

    def pause(self) -> None:
        """Begin no other run; those that run go on."""
        self._with(Queue.pause)

    def resume(self) -> None:
        """Begin runs again."""
        self._with(Queue.resume)

    def set_workers(self, number: str) -> None:
        """Let so many runs go on at once. Raises UsageError where it is no number from 1 to 64."""
        wanted = checked_workers("number", number)
        self._with(lambda queue: queue.set_workers(wanted))

    def cancel(self, run_id: str, by: str) -> str:
        """Cancel a run; return "cancelled" or "cancelling". Raises UsageError for one not here."""
        return self._with(lambda queue: queue.cancel(run_id, by=by))

    def start_workers(self) -> int:
        """See that there are workers, and return their supervisor's pid. Raises QueueError."""
        return enqueue.workers_up(self.settings).pid

    def _ended(self) -> tuple[Row, ...]:
        page = self.runs.page(Query(limit=10**9))
        ended = [
            row for row in page.rows if row.ended and row.seconds is not None and row.where == HERE
        ]
        return tuple(sorted(ended, key=_end, reverse=True))

    def _step_times(self, newest: tuple[str, ...]) -> tuple[StepTime, ...]:
        """Return the times of these runs' steps, read again only where others are newest."""
        with self._lock:
            if newest != self._timed[0]:
                folders = (self._folder(run_id) for run_id in newest)
                times = step_times(folders)
                self._timed = newest, tuple(each for each in times if each.step not in SILENT)
            return self._timed[1]

    def _folder(self, run_id: str) -> Path:
        return self.settings.home / "runs" / run_id

    def _with(self, do: Callable[[Queue], T]) -> T:
        with _opened(self.settings) as queue:
            return do(queue)


@contextmanager
def _opened(settings: Settings) -> Iterator[Queue]:
    queue = Queue(settings)
    try:
        yield queue
    finally:
        queue.close()


def _waiting(entry: Entry, now: float) -> Waiting:
    return Waiting(entry, max(0, int(now - (entry.since or entry.queued_at or now))))


def _end(row: Row) -> float:
    return row.started + (row.seconds or 0.0)
