"""Queue a run from anywhere: a command or the console; its workers are started where none is up."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from components.provenance import git
from pipelines import workers
from pipelines.errors import QueueError
from pipelines.queue import Queue
from serving.errors import UsageError

if TYPE_CHECKING:
    from pipelines.asked import Asked
    from pipelines.processes import Process
    from serving.settings import Settings

SWITCH = "KANARYA_QUEUE"
SUPERVISE = (sys.executable, "-P", "-m", "scripts.queue_work", "supervise")


def wanted(env: Mapping[str, str] | None = None) -> bool:
    """Say whether this machine works on runs: not with KANARYA_QUEUE=0. Raises UsageError."""
    text = (os.environ if env is None else env).get(SWITCH) or "1"
    if text not in ("0", "1"):
        raise UsageError(f"{SWITCH} is {text!r}: 0 runs nothing here, 1 (the default) does.")
    return text == "1"


def enqueue(settings: Settings, asked: Asked, *, priority: int = 0, by: str = "") -> str:
    """Queue what is asked for, see that there are workers, and return the run's id.

    Raises QueueError; where only the workers do not start, the run waits in the queue.
    """
    _refuse_elsewhere()
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
    _refuse_elsewhere()
    return workers.up(settings, SUPERVISE)


def _refuse_elsewhere() -> None:
    if not wanted():
        raise QueueError(
            f"nothing is run on this machine ({SWITCH}=0): start the run on the cluster, or where "
            "`kanarya up` runs"
        )
