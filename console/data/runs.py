"""The table of runs, shared by all pages: one reader at a time, at most twice a second."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from pipelines.run_row import Row
from pipelines.run_table import Page, Query, RunTable
from serving.settings import Settings

FRESH_S = 0.5
FIRST_S = 0.15
"""So long a page waits for a table that is still being read; the newest runs come first."""


@dataclass
class Runs:
    """The runs of one home, for threads."""

    table: RunTable
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _read_at: float = float("-inf")

    @classmethod
    def of(cls, settings: Settings) -> Runs:
        """Return the runs of a home; nothing is read yet."""
        return cls(RunTable.of(settings))

    def page(self, query: Query) -> Page:
        """Return the rows that a query asks for."""
        with self._lock:
            self._refresh()
            return self.table.page(query)

    def row(self, run_id: str) -> Row | None:
        """Return one row as it is now, None where there is none."""
        with self._lock:
            return self.table.row(run_id)

    def _refresh(self) -> None:
        if time.monotonic() - self._read_at < FRESH_S:
            return
        if self.table.refresh(FIRST_S):
            self._read_at = time.monotonic()
