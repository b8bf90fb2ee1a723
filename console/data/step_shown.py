"""One step of a run as a page shows it: how it stands, what it said. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from components.telling import ERROR, NOTE
from console.data import steps as plan
from pipelines.journal import FAILED, RUNNING, WAITING
from pipelines.run_row import KILLED, Row

PENDING, SKIPPED = "pending", "skipped"
TAIL_LINES = 200
"""Of each step's log, so many lines are kept."""
LONGEST_LINE = 2000
"""Characters: a line may be anything that a library prints."""


@dataclass(frozen=True)
class Step:
    """One step: pending, waiting, running, succeeded, failed, skipped or cancelled.

    `tail` are the last lines of its log, `said` is how many there were in all; `note` is the newest
    fact that it told, `error` the line that says why it failed.
    """

    name: str
    status: str = PENDING
    started: float | None = None
    ended: float | None = None
    tail: tuple[str, ...] = ()
    said: int = 0
    note: str = ""
    error: str = ""

    @property
    def seconds(self) -> float | None:
        """Return how long it took; None while it runs and before it began."""
        if self.started is None or self.ended is None:
            return None
        return self.ended - self.started


def heard(step: Step, text: str) -> Step:
    """Return the step with one more line of its log."""
    line = text[:LONGEST_LINE]
    return replace(
        step,
        tail=(*step.tail, line)[-TAIL_LINES:],
        said=step.said + 1,
        note=line.removeprefix(NOTE) if line.startswith(NOTE) else step.note,
        error=line.removeprefix(ERROR) if line.startswith(ERROR) else step.error,
    )


def shown(planned: Iterable[str], known: Mapping[str, Step], row: Row) -> tuple[Step, ...]:
    """Return the steps of a run, those that are to come and that never will among them."""
    stopped = row.ended or row.status == KILLED
    begun = {name for name, step in known.items() if step.started is not None}
    names = dict.fromkeys([*planned, *known])
    found = [_standing(known.get(name) or Step(name), row) for name in names]
    return tuple(
        replace(step, status=SKIPPED)
        if step.status == PENDING and plan.skipped(step.name, begun, ended=stopped)
        else step
        for step in found
        if step.name not in plan.SILENT or step.status == FAILED
    )


def _standing(step: Step, row: Row) -> Step:
    """Return the step as it stands where nobody carries the run on any more."""
    lost = row.status == KILLED and step.status in (RUNNING, WAITING)
    status = FAILED if lost else step.status
    failed = status == FAILED
    return replace(step, status=status, error=(step.error or _last(step)) if failed else "")


def _last(step: Step) -> str:
    """Return the last line that says anything, where a step left no sentence of its own."""
    return next((line.strip() for line in reversed(step.tail) if line.strip()), "")
