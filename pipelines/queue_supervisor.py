"""The process that sees to it that runs which wait are taken: it starts workers, as many as may be.

It is small and does no work: a worker is there only while it has something to do.
"""

from __future__ import annotations

import contextlib
import json
import logging
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from components import cores
from pipelines import processes, queue_recovery, queue_rules
from pipelines.errors import QueueError
from pipelines.queue import Queue
from serving.errors import KanaryaError
from serving.local import record
from serving.storage import partial

if TYPE_CHECKING:
    import psutil

    from serving.settings import Settings

LOOK_S = 0.3
STOP_S = 20.0
"""In which workers end what they do; then they are killed."""
DIED_S = 2.0
"""Before another worker is started where one has failed by itself; one killed is no such thing."""

log = logging.getLogger(__name__)


def note(settings: Settings) -> Path:
    """Return the file that says which process supervises a home."""
    return record.services(settings) / "workers.json"


def supervise(
    settings: Settings, command: Sequence[str], beside: Callable[[], None] = lambda: None
) -> None:
    """Keep workers (processes of `command`) going until SIGTERM or SIGINT, then end them.

    `beside` is called several times a second: what else is to be kept going. Raises PlatformError
    where another process does it already.
    """
    lock = record.services(settings) / "workers.lock"
    with record.locked(lock, wait=False, whose="the queue's supervisor"):
        stop = Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        supervisor, others = Supervisor(Queue(settings), command), Beside(beside)
        supervisor.begin()
        with partial(note(settings)) as unfinished:
            unfinished.write_text(json.dumps(asdict(processes.this())), encoding="utf-8")
        try:
            while not stop.wait(LOOK_S):
                supervisor.look()
                others.look()
        finally:
            note(settings).unlink(missing_ok=True)
            supervisor.end()


class Beside:
    """What else is kept going: where it fails the workers go on, and each reason is said once."""

    def __init__(self, look: Callable[[], None]) -> None:
        self._look = look
        self._said = ""

    def look(self) -> None:
        """Look after it; an error is logged where it is another one than before."""
        try:
            self._look()
        except Exception as error:  # whatever it is, runs that wait are to be taken
            why = f"{type(error).__name__}: {error}"
            if why != self._said:
                log.exception("what runs beside the workers was not looked after")
            self._said = why
        else:
            self._said = ""


class Supervisor:
    """Its workers, and what it does each time it looks."""

    def __init__(self, queue: Queue, command: Sequence[str]) -> None:
        self._queue, self._command = queue, command
        self._workers: list[subprocess.Popen[bytes]] = []
        self._requeue = queue_rules.requeue_asked()
        self._not_before = 0.0

    def begin(self) -> None:
        """Take up what was left: the number of workers, and runs that nobody has queued."""
        asked = queue_rules.workers_asked()
        if asked is not None:
            self._queue.set_workers(asked)
        if found := self._queue.reconcile():
            log.info("%d runs were queued again from their folders", found)

    def look(self) -> None:
        """Settle what dead workers left, and start as many as there is something to do for."""
        try:
            self._reap()
            for run_id in queue_recovery.recover(self._queue, self._requeue):
                log.info("the worker of %s was killed", run_id)
            if time.monotonic() >= self._not_before:
                for _ in range(self._queue.store.takeable() - self._idle()):
                    self._workers.append(self._started())
        except (KanaryaError, OSError) as error:  # a full disk, say: it may have room again
            log.error("%s", error)
            self._queue.close()
            time.sleep(DIED_S)

    def end(self) -> None:
        """End all workers of this home, also those that an earlier supervisor has left."""
        end_workers(self._queue, [each.pid for each in self._workers if each.poll() is None])
        self._queue.close()

    def _reap(self) -> None:
        ended = [each for each in self._workers if each.poll() is not None]
        if any(each.returncode > 0 for each in ended):
            self._not_before = time.monotonic() + DIED_S
        self._workers = [each for each in self._workers if each.returncode is None]

    def _idle(self) -> int:
        """Return how many workers have been started and have taken nothing yet."""
        busy = {claim.worker.pid for claim in self._queue.store.claims() if claim.worker}
        return sum(each.pid not in busy for each in self._workers)

    def _started(self) -> subprocess.Popen[bytes]:
        share = cores.share(self._queue.workers())
        with (record.made(self._queue.settings.home / "logs") / "workers.log").open("ab") as out:
            return subprocess.Popen(
                list(self._command),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=self._queue.settings.home,
                env={**self._queue.environment(), **share},
                start_new_session=True,
            )


def end_workers(queue: Queue, started: Sequence[int] = ()) -> int:
    """End whoever carries out a run, and these processes; return how many there were.

    SIGTERM interrupts the run and puts it back; who has not heeded it in time is killed.
    """
    import psutil

    try:
        claims = queue.store.claims()
    except QueueError as error:
        log.error("%s", error)
        claims = []
    found = {*started, *(c.worker.pid for c in claims if c.worker and c.worker.lives())}
    alive = [psutil.Process(pid) for pid in sorted(found) if psutil.pid_exists(pid)]
    for each in alive:
        _signalled(each, signal.SIGTERM)
    _, left = psutil.wait_procs(alive, timeout=STOP_S)
    for each in left:
        _signalled(each, signal.SIGKILL)
    return len(alive)


def _signalled(process: psutil.Process, number: signal.Signals) -> None:
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(number)
