"""One run of another place as it goes on: steps and logs from its cluster, the rest from MLflow.

Both are asked in threads (`Latest`), so a reading is there at once, with what is known by now.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from console.data import steps as plan
from console.data.cluster_told import Log, Looked
from console.data.elsewhere import Elsewhere
from console.data.gate import gate_in
from console.data.latest import Answer, Latest
from console.data.run import Monitored
from console.data.runs import Runs
from console.data.step_shown import Step, shown
from pipelines.run_events import Measured
from pipelines.run_row import CLUSTER, ELSEWHERE, Row, elsewhere, joined
from pipelines.run_usage import Look, Usage
from serving.errors import NotFound

if TYPE_CHECKING:
    from components.tracked_run import Kept

UNKNOWN, GONE = "unknown", "gone"
"""What a run is before its cluster has answered, and where it has no such run."""
KEPT_S = 5.0
"""So often MLflow is asked about a run that goes on."""
AFTER_END = 2
"""Answers of MLflow after a run has ended: the first may be to a question of before its end."""


@dataclass(frozen=True)
class Told:
    """What a cluster has told of a run up to now; `whole`: the steps whose logs will not grow."""

    looked: Looked
    logs: Mapping[str, Log] = field(default_factory=dict)
    whole: frozenset[str] = frozenset()


class FarWatch:
    """Reads a run of another place again and again; for one thread at a time."""

    def __init__(self, places: Elsewhere, runs: Runs, run_id: str) -> None:
        self._places, self._runs, self._run_id = places, runs, run_id
        row, cluster = runs.row(run_id), places.settings.cluster
        there = cluster is not None and (row is None or row.where == CLUSTER)
        self._id = row.run_id if row else run_id
        self._cluster = Latest(self._look, cluster.poll_s) if cluster and there else None
        self._mlflow = Latest(self._recorded, KEPT_S) if places.has_mlflow else None
        self._key = ""
        self._asked_at_end: int | None = None

    def read(self) -> Monitored:
        """Return the run as it is known by now; one that the cluster does not have is `GONE`."""
        told: Answer[Told] = self._cluster.look() if self._cluster else Answer()
        if isinstance(told.error, NotFound):
            return self._gone(str(told.error))
        row = told.value.looked.row if told.value else self._listed()
        kept = self._kept(row)
        curve = kept.value.curve if kept.value else {}
        return Monitored(
            _with(row, kept.value),
            _steps(told.value, row) if told.value else (),
            tuple(Measured(epoch, values) for epoch, values in curve.items()),
            gate_in(kept.value.gate) if kept.value and kept.value.gate else None,
            troubles=tuple(filter(None, (told.trouble, _waiting(told.value), kept.trouble))),
            told=self._mlflow is None or kept.asked >= (self._asked_at_end or 0) + AFTER_END,
            usage=Usage(
                looks=tuple(Look(*each) for each in (kept.value.used if kept.value else ()))
            ),
        )

    def first(self, timeout_s: float) -> Monitored:
        """Return the run once both places have answered or refused, or the time is over.

        Raises NotFound where there is none of that id.
        """
        for place in (self._cluster, self._mlflow):
            self.read()
            if place is not None:
                place.wait(timeout_s)
        found = self.read()
        if found.row.status == GONE:
            raise NotFound(found.row.sentence)
        return found

    def _gone(self, why: str) -> Monitored:
        row = Row(self._run_id, "", "", "", "", "", GONE, 0.0, where=CLUSTER)
        return Monitored(replace(row, sentence=why, ended=True))

    def _listed(self) -> Row:
        """Return the run as the table has it, which the cluster has not told of yet."""
        row = self._runs.row(self._run_id)
        empty = Row(self._run_id, "", "", "", "", "", UNKNOWN, 0.0, where=CLUSTER)
        if row is None and self._cluster is None:
            raise NotFound(f"there is no run {self._run_id!r}; `/` lists those there are")
        return row or empty

    def _kept(self, row: Row) -> Answer[Kept | None]:
        self._key = row.run_id if row.where == ELSEWHERE else row.key
        if self._mlflow is None or not self._key:
            return Answer()
        if row.ended and self._asked_at_end is None:
            self._asked_at_end = self._mlflow.newest.asked
            self._mlflow.soon()
        return self._mlflow.look()

    def _look(self, before: Told | None) -> Told:
        from console.data import cluster_seen

        whole = before.whole if before else frozenset()
        place = self._places.settings.cluster
        found = self._places.cluster_child.ask(cluster_seen.looked, place, self._id, whole)
        ended = {step.name for step in found.steps if step.ended is not None}
        known = before.logs if before else {}
        read = {
            name: log for name, log in found.logs.items() if not log.missing or name not in known
        }
        return Told(found, {**known, **read}, whole | (ended & found.logs.keys()))

    def _recorded(self, _: Kept | None) -> Kept | None:
        from components import tracked_run

        settings = self._places.settings.base
        return self._places.mlflow_child.ask(tracked_run.kept, settings, self._key)


def _with(row: Row, kept: Kept | None) -> Row:
    if kept is None:
        return row
    known = elsewhere(kept.run)
    return known if row.where == ELSEWHERE else joined(row, known)


def _steps(told: Told, row: Row) -> tuple[Step, ...]:
    found = {
        each.name: _step(
            Step(each.name, each.status, each.started, each.ended),
            told.logs.get(each.name) or Log(),
            told.looked.waiting.get(each.name, ""),
        )
        for each in told.looked.steps
    }
    return shown(plan.planned(told.looked.arguments), found, row)


def _step(step: Step, log: Log, waiting: str) -> Step:
    """Return a step with its log; of one that has ended without, why there is none."""
    lost = log.missing if step.ended is not None else ""
    tail, said = ((lost,), 1) if lost else (log.tail, log.said)
    return replace(step, tail=tail, said=said, note=waiting or log.note, error=log.error)


def _waiting(told: Told | None) -> str:
    """Return why the run as a whole does not go on, "" where it does."""
    return told.looked.waiting.get("", "") if told else ""
