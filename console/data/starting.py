"""Starting a run from the console: what is asked for, and the queue that takes it."""

from __future__ import annotations

import re
import sys
from contextlib import closing
from pathlib import Path

from console.data.draft import Draft, of_spec
from pipelines import again, workers
from pipelines.asked import Asked
from pipelines.queue import Queue
from serving.errors import NotFound, UsageError
from serving.settings import Settings

SUPERVISE = (sys.executable, "-P", "-m", "scripts.queue_work", "supervise")
RUN_ID = re.compile(r"[a-z0-9](-?[a-z0-9]){0,99}")


def start(settings: Settings, asked: Asked, *, by: str, priority: int = 0) -> str:
    """Queue a run, see that there are workers, and return its id."""
    with closing(Queue(settings)) as queue:
        run_id = queue.put(asked, priority=priority, by=by)
    workers.up(settings, SUPERVISE)
    return run_id


def taken_from(settings: Settings, config: str, data: str) -> tuple[Draft, list[str]]:
    """Return the draft of a run (`config`), on the data of another one, and what differs by now.

    Either may be empty. Raises NotFound for a run that there is not, UsageError as `compose`.
    """
    config_of, data_of = _folder(settings, config or data), _folder(settings, data or config)
    try:
        asked, notes = again.compose(data_of, config_of)
    except UsageError:
        asked, notes = again.compose(data_of, config_of, accept_new_data=True)
    return of_spec(asked), notes


def _folder(settings: Settings, run_id: str) -> Path:
    folder = settings.home / "runs" / run_id
    if not RUN_ID.fullmatch(run_id) or not (folder / "arguments.json").is_file():
        raise NotFound(f"there is no run {run_id!r}; the page of all runs shows those there are")
    return folder
