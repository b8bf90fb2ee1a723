"""Queue a run from anywhere: a command or the console; its workers are started where none is up."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from components.provenance import git
from pipelines import workers
from pipelines.queue import Queue

if TYPE_CHECKING:
    from pipelines.asked import Asked
    from pipelines.processes import Process
    from serving.settings import Settings

SUPERVISE = (sys.executable, "-P", "-m", "scripts.queue_work", "supervise")


def enqueue(settings: Settings, asked: Asked, *, priority: int = 0, by: str = "") -> str:
    """Queue what is asked for, see that there are workers, and return the run's id.

    Raises QueueError; where only the workers do not start, the run waits in the queue.
    """
    queue = Queue(settings)
    try:
        commit = git("rev-parse", "HEAD", folder=Path())
        run_id = queue.put(replace(asked, git_commit=commit), priority=priority, by=by)
    finally:
        queue.close()
    workers_up(settings)
    return run_id


def workers_up(settings: Settings) -> Process:
    """Start the queue's workers where there are none. Raises QueueError."""
    return workers.up(settings, SUPERVISE)
