"""All runs as a table, of this machine and others: filtered, sorted by anything, page by page.

Those of this machine are read from their folders, and only what has changed is read again: a run
that has ended never does. Ten thousand rows take some 15 MB.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines import run_trash
from pipelines.journal import RunFolder, begun
from pipelines.run_row import Row, elsewhere, joined, mark, read

if TYPE_CHECKING:
    from components.tracked_runs import TrackedRun
    from serving.settings import Settings

SETTLED_S = 2.0
"""A folder that changed so long ago has a time that later changes will not share."""


@dataclass(frozen=True)
class Query:
    """What is to be shown.

    `text`: words that are all in the run's id, model, kind, data, target or sentence. `sort`: a
    field of `Row` or the name of a metric; rows without it come last. `limit` rows from `offset`.
    """

    models: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    data: frozenset[str] = frozenset()
    statuses: frozenset[str] = frozenset()
    wheres: frozenset[str] = frozenset()
    text: str = ""
    sort: str = "started"
    descending: bool = True
    offset: int = 0
    limit: int = 50


@dataclass(frozen=True)
class Page:
    """Some of the rows that a query found, and how many it found."""

    rows: tuple[Row, ...]
    total: int
    offset: int


@dataclass
class RunTable:
    """The runs of one home, as they were at the last `refresh`; for one thread at a time."""

    root: Path
    _rows: dict[str, Row] = field(default_factory=dict)
    _marks: dict[str, tuple[object, ...]] = field(default_factory=dict)
    _elsewhere: dict[str, Row] = field(default_factory=dict)
    _cluster: dict[str, Row] = field(default_factory=dict)
    _names: frozenset[str] = frozenset()
    _deleted: frozenset[str] = frozenset()
    _far: int = 0
    _listed_at: int = 0

    @classmethod
    def of(cls, settings: Settings) -> RunTable:
        """Return the table of a home; nothing is read yet."""
        return cls(settings.home / "runs")

    def refresh(self, limit_s: float = float("inf")) -> bool:
        """Read what is new and what has changed; False where the time was over before its end.

        The newest runs are read first, so that the first page is there at once.
        """
        end = time.monotonic() + limit_s
        if self._elsewhere:  # MLflow still knows what was deleted here a moment ago
            self._deleted = run_trash.names(self.root.parent)
        names = self._list()
        for name in self._rows.keys() - names:
            self._forget(name)
        unfinished = [name for name, row in self._rows.items() if not row.ended]
        unread = sorted(names - self._rows.keys(), key=begun, reverse=True)
        for name in [*unfinished, *unread]:
            self._look(name)
            if time.monotonic() > end:
                return False
        return True

    def take_in(self, tracked: Iterable[TrackedRun]) -> None:
        """Show what MLflow knows (`components.tracked_runs`) of runs without a folder here."""
        for run in tracked:
            self._elsewhere[run.run_key] = elsewhere(run)
        self._mark_far()

    def take_in_cluster(self, rows: Iterable[Row]) -> None:
        """Show these runs of a cluster, and no others of it."""
        self._cluster = {row.run_id: row for row in rows}
        self._mark_far()

    def _mark_far(self) -> None:
        rows = (*self._elsewhere.values(), *self._cluster.values())
        self._far = hash(tuple((r.run_id, r.status, r.seconds, len(r.metrics)) for r in rows))

    def page(self, query: Query) -> Page:
        """Return the rows that a query asks for. Raises nothing: an unknown sort finds no value."""
        found = [row for row in self.rows() if _matches(row, query)]
        told = [(value, row) for row in found if (value := _order(row, query.sort)) is not None]
        silent = [row for row in found if _order(row, query.sort) is None]
        told.sort(key=lambda pair: (pair[0], pair[1].run_id), reverse=query.descending)
        rows = [*(row for _, row in told), *silent]
        some = rows[query.offset : query.offset + query.limit]
        return Page(tuple(some), len(rows), query.offset)

    def rows(self) -> list[Row]:
        """Return all rows, in no order."""
        theirs = [joined(row, self._elsewhere.get(row.key)) for row in self._cluster.values()]
        keys = {row.key for row in theirs}
        strange = [
            row
            for key, row in self._elsewhere.items()
            if key not in keys and not self._is_here(key)
        ]
        return [*self._rows.values(), *theirs, *strange]

    def row(self, run_id: str) -> Row | None:
        """Return one row, read anew where it may have changed; None where there is none.

        A cluster's run is found by what MLflow knows it by as well.
        """
        if "/" not in run_id and run_id not in ("", ".", ".."):
            self._look(run_id)
        if run_id in self._rows:
            return self._rows[run_id]
        known = self._elsewhere.get(run_id)
        theirs = self._cluster.get(run_id) or next(
            (row for row in self._cluster.values() if row.key == run_id), None
        )
        return joined(theirs, self._elsewhere.get(theirs.key)) if theirs else known

    def choices(self) -> dict[str, Mapping[str, int]]:
        """Return what rows can be filtered by, each value with its count.

        `metrics` are what rows can be sorted by beside the fields of `Row`.
        """
        rows = self.rows()
        return {
            "models": _counted(row.model for row in rows),
            "kinds": _counted(row.kind for row in rows),
            "data": _counted(row.data for row in rows),
            "statuses": _counted(row.status for row in rows),
            "wheres": _counted(row.where for row in rows),
            "metrics": _counted(name for row in rows for name in row.metrics),
        }

    def pulse(self) -> tuple[object, ...]:
        """Return what differs once any row does: a row that has ended stays as it is."""
        lively = [row for row in self._rows.values() if not row.ended]
        now = tuple((row.run_id, row.status, row.step) for row in lively)
        return (len(self._rows), hash(frozenset(self._rows)), now, self._far)

    def __len__(self) -> int:
        """Return how many runs there are."""
        return len(self.rows())

    def _is_here(self, run_key: str) -> bool:
        """Say whether a run has a folder, or had one until a moment ago.

        The key of a later attempt has a number behind it.
        """
        if run_key in self._rows or run_key in self._deleted:
            return True
        first = run_key.rpartition(".")[0]
        return first in self._rows or first in self._deleted

    def _list(self) -> frozenset[str]:
        """Return the names of the folders; they are listed again where one came or went."""
        try:
            changed = self.root.stat().st_mtime_ns
        except FileNotFoundError:
            return frozenset()
        if changed != self._listed_at:
            self._names = frozenset(each.name for each in self.root.iterdir())
            settled = time.time() - changed / 1e9 > SETTLED_S
            self._listed_at = changed if settled else 0
        return self._names

    def _look(self, name: str) -> None:
        row = self._rows.get(name)
        if row is not None and row.ended:
            return
        folder = RunFolder(self.root / name)
        now = mark(folder)
        if row is None or now != self._marks.get(name) or row.status in ("running", "waiting"):
            found = read(folder)
            if found is None:
                self._forget(name)
                return
            self._rows[name] = found
            self._marks[name] = now
            if found.ended:
                self._marks.pop(name)

    def _forget(self, name: str) -> None:
        self._rows.pop(name, None)
        self._marks.pop(name, None)


def _matches(row: Row, query: Query) -> bool:
    chosen = (
        (query.models, row.model),
        (query.kinds, row.kind),
        (query.data, row.data),
        (query.statuses, row.status),
        (query.wheres, row.where),
    )
    if any(wanted and value not in wanted for wanted, value in chosen):
        return False
    if not query.text:
        return True
    told = (row.title, row.run_id, row.model, row.kind, row.data, row.target, row.sentence)
    said = " ".join(told).casefold()
    return all(word in said for word in query.text.casefold().split())


def _order(row: Row, name: str) -> Any:
    """Return what a row is sorted by; None last: what is not there, and what is not a number."""
    value = row.title if name == "run_id" else row.value(name)
    if name == "version" and value is not None:
        return (0, int(value), "") if value.isdecimal() else (1, 0, value)
    return None if value != value else value


def _counted(values: Iterable[str]) -> Mapping[str, int]:
    return dict(sorted(Counter(values).items()))
