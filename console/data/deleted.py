"""The runs that were deleted a moment ago, and can still be brought back."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from console.data.runs import Runs
from pipelines import run_trash
from serving.settings import Settings

UNDO_S = 600.0
"""So long a deleted run can be brought back."""


@dataclass(frozen=True)
class Deleted:
    """The deleted runs of one home, for threads."""

    settings: Settings
    runs: Runs
    undo_s: float = UNDO_S

    def all(self) -> list[str]:
        """Return the runs that can still be brought back, the newest deletion first."""
        return run_trash.deleted(self.settings)

    def undo(self, run_id: str) -> None:
        """Bring a deleted run back. Raises UsageError where it is too late."""
        run_trash.restore(self.settings, run_id)
        self.runs.look_again()

    def add(self, run_id: str) -> None:
        """Move a run aside; it is removed once `undo_s` have passed."""
        run_trash.delete(self.settings, run_id)
        self.runs.look_again()
        self.empty_later()

    def empty_later(self) -> None:
        """Remove what was deleted long ago, now and when the time of the rest has come."""
        run_trash.empty(self.settings, self.undo_s)
        if self.all():
            timer = threading.Timer(self.undo_s + 1, run_trash.empty, (self.settings, self.undo_s))
            timer.daemon = True
            timer.start()
