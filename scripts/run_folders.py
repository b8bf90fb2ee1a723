"""The folders of the runs of this machine."""

from __future__ import annotations

from pathlib import Path

from pipelines.journal import begun
from serving.errors import UsageError
from serving.settings import Settings


def folders() -> list[Path]:
    """Return the folders of all runs, the newest first."""
    root = Settings.from_env().home / "runs"
    found = [path for path in root.glob("*") if (path / "arguments.json").is_file()]
    return sorted(found, key=lambda path: begun(path.name), reverse=True)


def folder_of(run_id: str) -> Path:
    """Return the folder of a run. Raises UsageError where there is none of that name."""
    folder = Settings.from_env().home / "runs" / run_id
    if not (folder / "arguments.json").is_file():
        raise UsageError(f"there is no run {run_id!r}; `kanarya runs list` shows those there are")
    return folder
