"""Runs that were deleted: their folders lie in `trash/` for as long as somebody may want them back.

What a run has registered and what it left in MLflow stays: versions and their runs belong together.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.journal import RunFolder
from pipelines.run_row import KILLED, read
from serving.errors import UsageError

if TYPE_CHECKING:
    from serving.settings import Settings


FOLDER = "trash"


def delete(settings: Settings, run_id: str, keep_s: float = 0.0) -> None:
    """Put a run's folder into the trash, where it stays for `keep_s` seconds at least.

    Raises UsageError where it goes on, or is not there.
    """
    folder = RunFolder(_inside(settings.home / "runs", run_id))
    row = read(folder)
    if row is None:
        raise UsageError(f"there is no run {run_id!r}; `kanarya runs list` shows those there are")
    if not row.ended and row.status != KILLED:
        raise UsageError(f"{run_id} is {row.status}; cancel it first: `kanarya queue cancel`")
    trash = _trash(settings)
    trash.mkdir(parents=True, exist_ok=True)
    target = trash / run_id
    folder.path.replace(target)
    (target / "deleted").write_text(f"{time.time()} {keep_s}\n", encoding="ascii")


def restore(settings: Settings, run_id: str) -> None:
    """Bring a deleted run back. Raises UsageError where it is not in the trash."""
    path = _inside(_trash(settings), run_id)
    if not path.is_dir():
        raise UsageError(f"the run {run_id!r} is not in the trash {_trash(settings)}")
    (path / "deleted").unlink(missing_ok=True)
    path.replace(settings.home / "runs" / run_id)


def deleted(settings: Settings) -> list[str]:
    """Return the ids of the runs in the trash, the last one deleted first."""
    found = sorted(_trash(settings).glob("*"), key=_deleted_at, reverse=True)
    return [path.name for path in found]


def names(home: Path) -> frozenset[str]:
    """Return the ids of the runs in the trash of a home, in no order."""
    return frozenset(path.name for path in (home / FOLDER).glob("*"))


def empty(settings: Settings, older_s: float) -> list[str]:
    """Remove for good what was deleted at least so many seconds ago; return the runs' ids.

    What was to be kept for longer stays: the console's ten minutes are not the days of gc.
    """
    now, gone = time.time(), []
    for path in sorted(_trash(settings).glob("*")):
        at, keep_s = _deleted(path)
        if at + max(older_s, keep_s) <= now:
            shutil.rmtree(path)
            gone.append(path.name)
    return gone


def _trash(settings: Settings) -> Path:
    return settings.home / FOLDER


def _inside(root: Path, name: str) -> Path:
    """Return the folder of that name; a name that leads elsewhere is none."""
    if not name or "/" in name or name in (".", ".."):
        raise UsageError(f"there is no run {name!r}; `kanarya runs list` shows those there are")
    return root / name


def _deleted_at(path: Path) -> float:
    return _deleted(path)[0]


def _deleted(path: Path) -> tuple[float, float]:
    """Return when a run was deleted, and for how many seconds it is to be kept."""
    try:
        at, *keep_s = (path / "deleted").read_text(encoding="ascii").split()
        return float(at), float(keep_s[0]) if keep_s else 0.0
    except (OSError, ValueError):
        return path.stat().st_mtime, 0.0
