"""What Kubeflow Pipelines tells of runs: the functions that a process of its own is asked for.

Only that process imports kfp; the console imports this when it asks for the first time.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from components.telling import ERROR, NOTE
from console.data.cluster_told import Listed, Log, Looked
from console.data.step_shown import LONGEST_LINE, TAIL_LINES
from pipelines import cluster_logs, cluster_outcome, cluster_pods, cluster_runs, cluster_start
from pipelines.cluster import Cluster, connect
from pipelines.cluster_place import Place
from pipelines.cluster_steps import FINAL, ClusterRun, Task, defaults, is_waiting, steps
from pipelines.cluster_watch import NOT_BEGUN, WAITING_S
from pipelines.errors import ClusterError, NotThere, RunError, Unreachable
from pipelines.journal import Step
from pipelines.run_row import CLUSTER, Row, asked_of
from serving.errors import NotFound

NEWEST, AT_A_TIME = 500, 20
"""So many of all runs are looked through, and so many are asked for at once."""
STATUSES = {
    "RUNNING": "running",
    "PAUSED": "waiting",
    "CANCELING": "cancelling",
    "SUCCEEDED": "finished",
    "SKIPPED": "finished",
    "FAILED": "failed",
    "CANCELED": "cancelled",
}


def listed(place: Place, going_on: tuple[str, ...] | None = None) -> Listed:
    """Return the newest runs there, and how those stand now that went on; None: look through all.

    Raises ClusterError.
    """
    cluster = connect(place)
    pages = cluster_runs.by_pages(cluster, AT_A_TIME)
    rows: dict[str, Row] = {}
    for page in islice(pages, NEWEST // AT_A_TIME if going_on is None else 1):
        rows |= {run.run_id: row_of(run, place) for run in page if _ours(run)}
    gone: set[str] = set()
    for run_id in set(going_on or ()) - rows.keys():
        try:
            rows[run_id] = row_of(cluster_runs.get(cluster, run_id), place)
        except NotThere:
            gone.add(run_id)
    return Listed(tuple(rows.values()), going_on is None, frozenset(gone))


def looked(place: Place, run_id: str, read: frozenset[str] = frozenset()) -> Looked:
    """Return one run as it is now; `read`: the steps whose logs are known whole already.

    Raises NotFound where there is none, and ClusterError where that cannot be found out.
    """
    cluster = connect(place)
    try:
        run = cluster_runs.get(cluster, run_id)
    except NotThere as error:
        raise NotFound(str(error)) from error
    known = cluster_runs.known_tasks(cluster, run)
    found = steps(run, known)
    seen = _Seen(cluster, run, known)
    return Looked(
        row=_ended(seen, found) if run.state in FINAL else row_of(run, place),
        arguments=arguments(run),
        steps=found,
        logs={step.name: seen.log(step.name) for step in found if step.name not in read},
        waiting=_waiting(seen, found, time.time()),
    )


def text(place: Place, run_id: str, step: str) -> str:
    """Return all that a step wrote. Raises NotFound, and ClusterError where it cannot be had."""
    cluster = connect(place)
    try:
        run = cluster_runs.get(cluster, run_id)
        return cluster_logs.log(cluster, run, step, cluster_runs.known_tasks(cluster, run))
    except NotThere as error:
        raise NotFound(str(error)) from error


def again(place: Place, run_id: str) -> str:
    """Start a run once more and return the id of the new one. Raises NotFound, ClusterError."""
    try:
        return cluster_start.again(place, run_id).run_id
    except NotThere as error:
        raise NotFound(str(error)) from error


def sent(place: Place, run_id: str) -> tuple[str, dict[str, Any]]:
    """Return the name of a run and its parameters, with those that its pipeline has by itself.

    Raises NotFound, ClusterError.
    """
    cluster = connect(place)
    try:
        run = cluster_runs.get(cluster, run_id)
        own = defaults(cluster_runs.pipeline_of(cluster, run))
    except NotThere as error:
        raise NotFound(str(error)) from error
    return run.name or run.run_id, {**own, **run.arguments}


def cancelled(place: Place, run_id: str) -> None:
    """End a run. Raises NotFound, and ClusterError where it is refused."""
    try:
        cluster_runs.cancel(connect(place), run_id)
    except NotThere as error:
        raise NotFound(str(error)) from error


def row_of(run: ClusterRun, place: Place) -> Row:
    """Return a run as the table shows it."""
    given = arguments(run)
    told = STATUSES.get(run.state, "pending")
    ended = run.state in FINAL
    return Row(
        run.run_id,
        **asked_of(given),
        status="cancelled" if ended and run.cancelled and told == "failed" else told,
        started=run.created,
        seconds=max(0.0, run.finished - run.created) if ended and run.finished else None,
        sentence=" ".join(run.error.split()),
        ended=ended,
        where=CLUSTER,
        name=run.name,
        key=str(given.get("run_key") or run.run_id),
        page=place.page("runs", run.run_id),
    )


def arguments(run: ClusterRun) -> dict[str, Any]:
    """Return the parameters of a run: what it was given, and the defaults of its pipeline."""
    return {**defaults(run.spec), **run.arguments}


@dataclass(frozen=True)
class _Seen:
    """A run with the connection that its logs come from."""

    cluster: Cluster
    run: ClusterRun
    known: Mapping[str, Task]

    def text(self, step: str) -> str:
        return cluster_logs.log(self.cluster, self.run, step, self.known)

    def log(self, step: str) -> Log:
        """Return a step's log; why there is none where it has none."""
        try:
            return log_of(self.text(step))
        except Unreachable:
            raise
        except ClusterError as error:
            return Log(missing=str(error))


def log_of(text: str) -> Log:
    """Return what there is to show of a log."""
    lines = [line[:LONGEST_LINE] for line in text.splitlines()]
    tail = tuple(lines[-TAIL_LINES:])
    return Log(tail, len(lines), _marked(lines, NOTE), _marked(lines, ERROR))


def _marked(lines: Sequence[str], mark: str) -> str:
    marked = (line for line in reversed(lines) if line.startswith(mark))
    return next(marked, "").removeprefix(mark)


def _ours(run: ClusterRun) -> bool:
    """Say whether a run is of one of our pipelines: others may use the namespace, too."""
    return {"model_kind", "data_uri"} <= arguments(run).keys()


def _ended(seen: _Seen, found: tuple[Step, ...]) -> Row:
    """Return the row of a run that has ended, with the outcome that its last step wrote."""
    row = row_of(seen.run, seen.cluster.place)
    try:
        result = cluster_outcome.result(seen.run, found, seen.text, row.page)
    except Unreachable:
        raise
    except RunError as error:
        return replace(row, sentence=str(error))
    return replace(
        row, status=result.outcome, sentence=result.sentence, version=result.version or ""
    )


def _waiting(seen: _Seen, found: tuple[Step, ...], now: float) -> dict[str, str]:
    """Return why nothing goes on, once that has lasted for a while."""
    run = seen.run
    since = max([run.created, *(step.started for step in found)])
    if run.state in FINAL or not is_waiting(run) or now - since < WAITING_S:
        return {}
    if not run.nodes:
        return {"": NOT_BEGUN}
    names = [step.name for step in found if step.ended is None]
    why = cluster_pods.trouble
    return {name: why(seen.cluster, run, name, seen.known) for name in names}
