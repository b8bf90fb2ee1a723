"""One run as a row of the table: read from the few files of its folder that say it all."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines import asked as asking
from pipelines.journal import RUNNING, WAITING, RunFolder, Step

if TYPE_CHECKING:
    from components.tracked_runs import TrackedRun

QUEUED, KILLED, DAMAGED = "queued", "killed", "damaged"
HERE, CLUSTER, ELSEWHERE = "here", "cluster", "elsewhere"
"""Where a run is: in this home, in Kubeflow Pipelines, on a machine that only MLflow knows."""
FILES = ("result.json", "journal.jsonl", "process.json", "arguments.json")
EPOCH = 1e9
"""Steps of early runs counted from the machine's start; these are the seconds of this century."""


@dataclass(frozen=True, slots=True)
class Row:
    """One run.

    `status`: queued, running, waiting (for its model's tail), killed, or how it ended: promoted,
    rolled_back, held, conflict, rejected, failed, cancelled; damaged: nobody knows. `step`: where
    it is or was last. `started`: seconds since the epoch. `metrics`: of the candidate on the test
    rows.
    """

    run_id: str
    model: str
    kind: str
    task: str
    data: str
    target: str
    status: str
    started: float
    seconds: float | None = None
    step: str = ""
    sentence: str = ""
    version: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    ended: bool = False
    why: str = ""
    """What started it, where nobody asked for it."""
    tracked: str = ""
    """The id of the MLflow run, of a run that has no folder here: another machine's."""
    where: str = HERE
    name: str = ""
    """What people call it, where that is not its id: a cluster's."""
    key: str = ""
    """What MLflow and the ledger know it by, where that is not its id."""
    page: str = ""
    """Its address in the pages of Kubeflow Pipelines."""

    @property
    def title(self) -> str:
        """Return what it is called on a page."""
        return self.name or self.run_id

    def value(self, name: str) -> Any:
        """Return a field or a metric; None where the row has none of that name, or an empty one."""
        if name in self.__slots__ and name != "metrics":
            found = getattr(self, name)
            return None if found == "" else found
        return self.metrics.get(name)


def read(folder: RunFolder) -> Row | None:
    """Return the row of a run; None where the folder is none, or is being made just now."""
    arguments = _json(folder.path / "arguments.json")
    if arguments is None:
        return None
    known = asked_of(arguments)
    try:
        return _told(folder, known)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        why = f"a record in {folder.path} cannot be read ({error})"
        return Row(folder.run_id, **known, status=DAMAGED, started=0.0, sentence=why)


def elsewhere(run: TrackedRun) -> Row:
    """Return the row of a run that only MLflow knows."""
    return Row(
        run.run_key,
        model=sys.intern(run.model),
        kind=sys.intern(run.kind),
        task=sys.intern(run.task),
        data="",
        target="",
        status=sys.intern(run.status),
        started=run.started,
        seconds=run.ended - run.started if run.ended else None,
        sentence=run.sentence,
        metrics={sys.intern(name): value for name, value in run.metrics.items()},
        ended=run.ended is not None,
        tracked=run.run_id,
        where=ELSEWHERE,
    )


def joined(row: Row, known: Row | None) -> Row:
    """Return the row of a cluster's run with what MLflow knows of it."""
    if known is None:
        return row
    rejected = row.status == "finished" and known.status == "rejected"
    return replace(
        row,
        status=known.status if rejected else row.status,
        sentence=row.sentence or known.sentence,
        metrics=known.metrics,
        tracked=known.tracked,
    )


def mark(folder: RunFolder) -> tuple[object, ...]:
    """Return what differs once the row may have changed; it costs a few system calls."""
    return tuple(_stamp(folder.path / name) for name in FILES)


def _told(folder: RunFolder, known: Mapping[str, Any]) -> Row:
    result = _json(folder.path / "result.json")
    if result is not None:
        return _finished(folder.run_id, known, result)
    steps = folder.steps()
    last = steps[-1] if steps else None
    status = _status(folder, last)
    began = _started(folder.run_id, steps)
    return Row(folder.run_id, **known, status=status, started=began, step=last.name if last else "")


def _finished(run_id: str, known: Mapping[str, Any], result: Mapping[str, Any]) -> Row:
    steps = tuple(Step(**step) for step in result.get("steps", ()))
    metrics = {sys.intern(k): float(v) for k, v in (result.get("metrics") or {}).items()}
    return Row(
        run_id,
        **known,
        status=sys.intern(str(result.get("outcome"))),
        started=_started(run_id, steps),
        seconds=float(result.get("seconds") or 0.0),
        step=sys.intern(steps[-1].name) if steps else "",
        sentence=str(result.get("sentence") or ""),
        version=str(result.get("version") or ""),
        metrics=metrics,
        ended=True,
    )


def asked_of(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of the parameters a row shows; many rows share the same texts."""
    values = {
        "model": arguments.get("name"),
        "kind": arguments.get("model_kind"),
        "task": arguments.get("task", "image"),
        "data": Path(str(arguments.get("data_uri", ""))).name,
        "target": arguments.get("target", ""),
        "why": arguments.get("why", ""),
    }
    return {name: sys.intern(str(value or "")) for name, value in values.items()}


def _status(folder: RunFolder, last: Step | None) -> str:
    owner = folder.owner()
    if owner and owner.lives():
        return WAITING if last and last.status == WAITING else RUNNING
    if owner is None and asking.is_queued(folder):
        return QUEUED
    return KILLED


def _started(run_id: str, steps: tuple[Step, ...]) -> float:
    """Return when the first step began; before that, when the run was asked for."""
    if steps and steps[0].started > EPOCH:
        return steps[0].started
    try:
        return datetime.strptime(run_id[-20:-5], "%Y%m%d-%H%M%S").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return 0.0


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - ten thousand times, and half the time of a Path's
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _json(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
