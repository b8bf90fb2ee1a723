"""The queue of runs on this machine, on Huey: what everybody asks it for.

A run is queued by making its folder, then its message; a worker takes it (`queue_worker`), a
supervisor (`workers`) sees that there are workers. The folders say what was asked for and how it
ended; the database only what waits and who works on what, and `reconcile` makes it from them.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huey import Huey

from components.telling import room
from pipelines import asked as asking
from pipelines import attempts
from pipelines.asked import Asked, Ticket
from pipelines.errors import QueueError
from pipelines.journal import CANCELLED, Result, RunFolder, new_run_id
from pipelines.queue_left import Left, found
from pipelines.queue_store import (
    PATIENCE_S,
    PAUSED,
    WORKERS,
    Claim,
    ClaimingStorage,
    JsonMessages,
)
from serving.errors import UsageError
from serving.local import record

if TYPE_CHECKING:
    from serving.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
NAME = "runs"
WAITS, TURN, RUNS, AGAIN = "waiting", "waiting for its turn", "running", "to be begun again"


@dataclass(frozen=True)
class Entry:
    """One run of the queue as people see it.

    `state`: one of WAITS, RUNS, AGAIN, or TURN where another run of the model (`waits_for`) comes
    first. `queued_at`, `since`: seconds since the epoch; `since` it is in a worker's hands.
    """

    run_id: str
    model: str
    state: str
    priority: int
    number: int
    queued_at: float
    since: float | None = None
    pid: int | None = None
    attempt: int = 1
    waits_for: str = ""
    cancelled_by: str = ""


@dataclass(frozen=True)
class View:
    """The queue at one moment: first what runs, then what waits, in its order."""

    paused: bool
    workers: int
    entries: tuple[Entry, ...]


class Queue:
    """The queue of one home; opening it makes its database where there is none.

    Every method raises QueueError where the database is damaged, or busy for half a minute.
    """

    def __init__(
        self,
        settings: Settings,
        execute: Callable[[str], None] | None = None,
        file: Path | None = None,
    ) -> None:
        """Open it; a worker gives the function that carries out a run.

        `file`: another one than the home's, while that is being made anew.
        """
        self.settings = settings
        self.path = file or path(settings)
        new = not self.path.exists() or not self.path.stat().st_size
        record.made(self.path.parent)
        self.huey = Huey(
            NAME,
            results=False,
            serializer=JsonMessages(),
            storage_class=ClaimingStorage,
            filename=str(self.path),
            strict_fifo=True,
            timeout=PATIENCE_S,
        )
        self.store: ClaimingStorage = self.huey.storage
        self._carry_out = execute

        def run(run_id: str, model: str) -> None:
            assert self._carry_out is not None, "this process carries out nothing"
            self._carry_out(run_id)

        self._task = self.huey.task(name="run")(run)
        if new:
            self.reconcile()

    def close(self) -> None:
        """Close the database."""
        self.store.close()

    def environment(self) -> dict[str, str]:
        """Return the environment of processes that work for this queue."""
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
        return {**os.environ, **self.settings.environment(), "PYTHONPATH": path}

    def folder(self, run_id: str) -> RunFolder:
        """Return the folder of a run."""
        return RunFolder(self.settings.home / "runs" / run_id)

    def put(self, asked: Asked, *, priority: int = 0, by: str = "") -> str:
        """Queue a run and return its id; of higher priority comes first, else who came first."""
        from pipelines.spec import pipeline_arguments

        with room(self.settings.home / "runs"):
            folder = self._new_folder(asked.spec.name)
            known = {"git_commit": asked.git_commit or "", "run_key": folder.run_id}
            known |= {"data_sha256": asked.data_sha256, "why": asked.why}
            arguments = {**pipeline_arguments(asked.spec), **known}
            with folder.or_nothing():
                folder.write("arguments.json", arguments)
                asking.write(folder, asked, Ticket(priority, time.time(), by or whoever()))
                self._enqueue(folder.run_id, asked.spec.name, priority)
        return folder.run_id

    def take(self) -> str | None:
        """Take the next run and carry it out; return its id, None where none may be begun now."""
        task = self.huey.dequeue()
        if task is None:
            return None
        self.huey.execute(task)
        return str(task.args[0])

    def reconcile(self) -> int:
        """Take up every run whose folder says that it has not ended, and that is not here.

        One that has begun becomes a claim of its process, which may live or not; another one is
        queued. Returns how many there were.
        """
        left = sorted(self._left(), key=lambda found: found.queued_at)
        begun = [each for each in left if each.worker]
        claims = [replace(each.claim(), number=n - len(begun)) for n, each in enumerate(begun)]
        adopted = self.store.adopt([self._with_message(claim) for claim in claims])
        waiting = [each for each in left if each.worker is None]
        return adopted + sum(self._enqueue(w.run_id, w.model, w.priority) for w in waiting)

    def pause(self) -> None:
        """Begin no other run; those that run go on."""
        self.store.set(PAUSED, True)

    def resume(self) -> None:
        """Begin runs again."""
        self.store.set(PAUSED, False)

    def set_workers(self, number: int) -> None:
        """Let so many runs go on at once from now on; none that runs is ended."""
        self.store.set(WORKERS, number)

    def workers(self) -> int:
        """Return how many runs may go on at once."""
        return int(self.store.setting(WORKERS) or 1)

    def cancel(self, run_id: str, *, by: str = "") -> str:
        """Cancel a run; return "cancelled" where it waited, "cancelling" where it runs.

        Raises UsageError where it is not in the queue.
        """
        who = by or whoever()
        if self.store.withdraw(run_id):
            self._cancelled(run_id, who)
            return CANCELLED
        claim = self.store.change(run_id, cancelled_by=who)
        if claim is None:
            raise UsageError(f"there is no run {run_id!r} in the queue; ask `kanarya queue list`")
        if claim.worker is None:
            self._cancelled(run_id, who)
            self.store.end(run_id)
            return CANCELLED
        return "cancelling"

    def view(self) -> View:
        """Return what runs and what waits."""
        entries = [self._claimed(claim) for claim in self.store.claims()]
        for each in self.store.waiting():
            at = self._queued_at(each.run_id)
            entry = Entry(each.run_id, each.model, WAITS, each.priority, each.number, at)
            entries.append(entry)
        return View(bool(self.store.setting(PAUSED)), self.workers(), tuple(entries))

    def _left(self) -> Iterator[Left]:
        root = self.settings.home / "runs"
        for path in root.glob("*") if root.is_dir() else ():
            folder = RunFolder(path)
            if asking.is_queued(folder):
                with contextlib.suppress(QueueError):  # torn when it was written: never confirmed
                    yield found(folder)

    def _with_message(self, claim: Claim) -> Claim:
        task = self._message(claim.run_id, claim.model, claim.priority)
        return replace(claim, message=self.huey.serialize_task(task).decode())

    def _message(self, run_id: str, model: str, priority: int) -> Any:
        return self._task.task_class((run_id, model), {}, id=run_id, priority=priority)

    def _new_folder(self, name: str) -> RunFolder:
        while True:
            folder = self.folder(new_run_id(name, datetime.now(UTC)))
            try:
                folder.path.mkdir(parents=True)
                return folder
            except FileExistsError:  # two of one second that drew the same four digits
                continue

    def _enqueue(self, run_id: str, model: str, priority: int) -> bool:
        task = self._message(run_id, model, priority)
        return self.store.put_once((run_id, priority), self.huey.serialize_task(task))

    def _cancelled(self, run_id: str, who: str) -> None:
        result = Result(run_id, CANCELLED, f"cancelled by {who} before it began")
        self.folder(run_id).close(result)

    def _claimed(self, claim: Claim) -> Entry:
        state = AGAIN if claim.worker is None else TURN if claim.waits_for else RUNS
        known: dict[str, Any] = {
            "since": claim.since,
            "pid": claim.worker.pid if claim.worker else None,
            "attempt": attempts.number(self.folder(claim.run_id)),
            "waits_for": claim.waits_for,
            "cancelled_by": claim.cancelled_by,
        }
        at = self._queued_at(claim.run_id)
        return Entry(claim.run_id, claim.model, state, claim.priority, claim.number, at, **known)

    def _queued_at(self, run_id: str) -> float:
        try:
            return asking.ticket(self.folder(run_id))[1].queued_at
        except QueueError:
            return 0.0


def path(settings: Settings) -> Path:
    """Return where the database of a home is."""
    return settings.home / "queue.db"


def repair(settings: Settings) -> tuple[Path | None, int]:
    """Make the database anew from the folders of the runs, and put the old one aside.

    Whoever has it open goes on with the new one. Returns where the old one is now (None where there
    was none), and how many runs wait.
    """
    old, aside = path(settings), None
    fresh = old.with_name(f"{old.name}.new")
    _without_log(fresh).unlink(missing_ok=True)
    queue = Queue(settings, file=fresh)
    waiting = len(queue.store.waiting())
    queue.close()
    if old.exists():
        aside = old.with_name(f"{old.name}.damaged-{datetime.now(UTC):%Y%m%d-%H%M%S}")
        aside.unlink(missing_ok=True)
        aside.hardlink_to(old)
    _without_log(old)  # which would be written into the new one
    fresh.replace(old)
    return aside, waiting


def _without_log(database: Path) -> Path:
    for left in ("-wal", "-shm"):
        database.with_name(database.name + left).unlink(missing_ok=True)
    return database


def whoever() -> str:
    """Return the user's name, as the record of a cancelled run has it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "somebody"
