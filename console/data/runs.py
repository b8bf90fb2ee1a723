"""The table of runs, shared by all pages: one reader at a time, at most twice a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from console.data.elsewhere import Elsewhere
from pipelines.run_row import HERE, Row
from pipelines.run_table import Page, Query, RunTable
from serving.settings import Settings

FRESH_S = 0.5
FIRST_S = 0.05
"""So long a page waits for a table that is still being read; the newest runs come first."""
FIRST_ANSWER_S = 3.0
"""So long a page of a run that nobody knows waits for other places to tell of theirs."""
KEPT_PAGES = 64
"""So many answers are kept until a run changes: fifty browsers mostly ask the same."""

Pulse = tuple[object, ...]


@dataclass
class Runs:
    """The runs of one home, and of other places where some are known, for threads."""

    table: RunTable
    elsewhere: Elsewhere | None = None
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _read_at: float = float("-inf")
    _pulse: Pulse = ()
    _pages: dict[Query, Page] = field(default_factory=dict)
    _choices: dict[str, Mapping[str, int]] | None = None

    @classmethod
    def of(cls, settings: Settings, elsewhere: Elsewhere | None = None) -> Runs:
        """Return the runs of a home; nothing is read yet."""
        return cls(RunTable.of(settings), elsewhere)

    def page(self, query: Query) -> Page:
        """Return the rows that a query asks for."""
        with self._lock:
            self._refresh()
            if query not in self._pages:
                if len(self._pages) >= KEPT_PAGES:
                    self._pages.clear()
                self._pages[query] = self.table.page(query)
            return self._pages[query]

    def choices(self) -> Mapping[str, Mapping[str, int]]:
        """Return what rows can be filtered and sorted by (`RunTable.choices`)."""
        with self._lock:
            self._refresh()
            if self._choices is None:
                self._choices = self.table.choices()
            return self._choices

    def row(self, run_id: str) -> Row | None:
        """Return one row as it is now, None where there is none."""
        with self._lock:
            row = self.table.row(run_id)
            if self.elsewhere is not None and (row is None or row.where != HERE):
                self.elsewhere.into(self.table)
                row = self.table.row(run_id)
            return row

    def found(self, run_id: str) -> Row | None:
        """Return one row; where it is not here and a place has not answered yet, wait some time."""
        row = self.row(run_id)
        if row is None and self.elsewhere and not all(p.asked for p in self.elsewhere.places()):
            self.elsewhere.wait(FIRST_ANSWER_S)
            row = self.row(run_id)
        return row

    def pulse(self) -> Pulse:
        """Return what differs once any row does; a page that sees another one asks again."""
        with self._lock:
            self._refresh()
            return self._pulse

    def look_again(self) -> None:
        """Read what has changed with the next question, whenever that comes."""
        with self._lock:
            self._read_at = float("-inf")

    def read_whole(self) -> None:
        """Return when every run of here was read: a page looks again, a program asks once."""
        whole = False
        while not whole:
            with self._lock:
                whole = self._refresh()

    def _refresh(self) -> bool:
        """Read what is new; False where the time was over before all of it was read."""
        if time.monotonic() - self._read_at < FRESH_S:
            return True
        whole = self.table.refresh(FIRST_S)
        if whole:
            self._read_at = time.monotonic()
        places: tuple[object, ...] = ()
        if self.elsewhere is not None:
            self.elsewhere.into(self.table)
            places = self.elsewhere.places()
        pulse = (*self.table.pulse(), places)
        if pulse != self._pulse:
            self._pulse, self._choices = pulse, None
            self._pages.clear()
        return whole
