"""The watcher of a home (`python -m pipelines.watching`): it does each of its jobs when it is due.

Every job has a thread of its own, so that one that fails, or that nobody answers, holds up no
other. Each keeps what it must know in files, so that the watcher may be killed at any moment.
"""

from __future__ import annotations

import logging
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Event, Thread

from pipelines import monitored
from pipelines.alerts import delivering, looking
from pipelines.background import WATCHER
from pipelines.retrain import job as retraining
from serving.errors import KanaryaError
from serving.local import record
from serving.settings import Settings

Act = Callable[[Settings, datetime], object]
END_S = 5.0
"""In which jobs end what they do; what takes longer ends with the process."""

log = logging.getLogger("pipelines.watching")


@dataclass(frozen=True)
class Job:
    """What is done again and again, `every_s` seconds after it has last returned.

    `act` gets the settings and the time (UTC).
    """

    name: str
    every_s: float
    act: Act


JOBS: tuple[Job, ...] = (
    Job("monitoring", 60.0, monitored.look),
    Job("retraining", 30.0, retraining.look),
    Job("rules", 30.0, looking.look),
    Job("alerts", 5.0, delivering.deliver),
)


@dataclass
class Pulse:
    """What the jobs are at: since when each does what it does now; one that waits is not in it."""

    _since: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def of(self, job: str) -> Iterator[None]:
        """Count a job as being at work."""
        self._since[job] = time.monotonic()
        try:
            yield
        finally:
            del self._since[job]

    def hanging(self, most_s: float) -> list[str]:
        """Return the jobs that have been at the same piece of work for longer."""
        now = time.monotonic()
        return sorted(job for job, since in [*self._since.items()] if now - since > most_s)


def watch(settings: Settings, jobs: Sequence[Job], stop: Event, pulse: Pulse | None = None) -> None:
    """Do the jobs until `stop` is set; `pulse` tells whoever asks what they are at."""
    beat = pulse or Pulse()
    threads = [
        Thread(target=_keep_doing, args=(job, settings, stop, beat), name=job.name, daemon=True)
        for job in jobs
    ]
    for thread in threads:
        thread.start()
    stop.wait()
    end = time.monotonic() + END_S
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))


def _keep_doing(job: Job, settings: Settings, stop: Event, pulse: Pulse) -> None:
    said = ""
    while not stop.is_set():
        with pulse.of(job.name):
            fault = attempted(job, settings, datetime.now(UTC))
        if fault and fault != said:  # a lasting fault is one line, not one a minute
            log.error("%s: %s", job.name, fault)
        elif said and not fault:
            log.info("%s goes on", job.name)
        said = fault
        stop.wait(job.every_s)


def attempted(job: Job, settings: Settings, now: datetime) -> str:
    """Do a job once; return what went wrong in a line, "" where nothing did."""
    try:
        job.act(settings, now)
    except (KanaryaError, OSError) as error:
        return _line(error)
    except Exception as error:  # noqa: BLE001 - whatever it is, the other jobs go on
        where = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__}: {_line(error)} ({where.filename}:{where.lineno})"
    return ""


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


def watching(watched: Callable[[Settings, Event], None]) -> int:
    """Let a watcher work, alone in the home of the environment, until SIGTERM or Ctrl-C.

    Returns the exit status.
    """
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("pipelines").setLevel(logging.INFO)
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        settings = Settings.from_env()
        with record.locked(record.services(settings) / "watcher.lock", wait=False):
            watched(settings, stop)
    except KanaryaError as error:
        print(f"kanarya: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def main() -> int:
    """Watch over the home of the environment; return the exit status."""

    def watched(settings: Settings, stop: Event) -> None:
        with WATCHER.noted(settings):
            watch(settings, JOBS, stop)

    return watching(watched)


if __name__ == "__main__":
    sys.exit(main())
