"""What a new run begins with: another run's spec, perhaps on the data of a third."""

from __future__ import annotations

import re
from pathlib import Path

from console.data.draft import Draft, of_spec
from pipelines import again
from serving.errors import NotFound, UsageError
from serving.settings import Settings

RUN_ID = re.compile(r"[a-z0-9](-?[a-z0-9]){0,99}")


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
