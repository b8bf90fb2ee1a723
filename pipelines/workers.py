"""The workers of the queue as their users see them: up, down, status."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.errors import QueueError
from pipelines.processes import Process
from pipelines.queue import Queue, path
from pipelines.queue_supervisor import STOP_S, end_workers, note
from serving.local import launching, record

if TYPE_CHECKING:
    from serving.settings import Settings

START_S = 30.0


@dataclass(frozen=True)
class WorkersStatus:
    """Who supervises the workers (None: nobody)."""

    supervisor: Process | None

    @property
    def running(self) -> bool:
        """Say whether runs that wait are taken."""
        return self.supervisor is not None


def up(settings: Settings, command: Sequence[str]) -> Process:
    """Return the supervisor of this home; start `command` in the background if there is none.

    Raises QueueError where it does not start.
    """
    with _alone(settings):
        found = status(settings).supervisor
        return found or _spawned(settings, command)


def down(settings: Settings) -> bool:
    """End the workers of this home, and say whether there were any.

    What runs is interrupted: before its registration it is begun again by the next `up`.
    """
    if not settings.home.exists():
        return False
    with _alone(settings):
        found = status(settings).supervisor
        if found is None:
            return _orphans_ended(settings)
        with contextlib.suppress(ProcessLookupError):
            os.kill(found.pid, signal.SIGTERM)
        if not _within(STOP_S + 5, lambda: not found.lives()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(found.pid, signal.SIGKILL)
        return True


def _orphans_ended(settings: Settings) -> bool:
    """End the workers that a killed supervisor has left, and say whether there were any."""
    if not path(settings).exists():
        return False
    try:
        queue = Queue(settings)
    except QueueError:
        return False  # a damaged database: who works on what is not to be known
    ended = end_workers(queue)
    queue.close()
    return ended > 0


def status(settings: Settings) -> WorkersStatus:
    """Return who supervises the workers of this home."""
    try:
        text = (settings.home / "services" / "workers.json").read_text(encoding="utf-8")
        found = Process(**json.loads(text))
    except (OSError, ValueError, TypeError):
        return WorkersStatus(None)
    return WorkersStatus(found if found.lives() else None)


def _alone(settings: Settings) -> contextlib.AbstractContextManager[None]:
    return record.locked(record.services(settings) / "workers-up.lock", wait=True)


def _spawned(settings: Settings, command: Sequence[str]) -> Process:
    log = record.made(settings.home / "logs") / "workers.log"
    start = launching.size_of(log)
    note(settings).unlink(missing_ok=True)
    places = os.pathsep.join(filter(None, [str(launching.ROOT), os.environ.get("PYTHONPATH")]))
    with log.open("ab") as output:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=settings.home,
            env={**os.environ, **settings.environment(), "PYTHONPATH": places},
            start_new_session=True,
        )
    _within(START_S, lambda: status(settings).running or process.poll() is not None)
    found = status(settings).supervisor
    if found is None:
        said = launching.last_line(log, start) or "they wrote nothing"
        why = said.removeprefix("error: ")
        raise QueueError(f"the queue's workers did not start: {why} (see {log})")
    return found


def _within(seconds: float, condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True
