"""How a pipeline run ended, on its MLflow run."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from components import tracking
from components.registry import paged
from components.tracking_store import connect, is_empty

OUTCOME, STEP, SECONDS = "kanarya.outcome", "kanarya.failed_step", "kanarya.seconds"
SUCCEEDED, FAILED, CANCELLED = "succeeded", "failed", "cancelled"
_STATUS = {SUCCEEDED: "FINISHED", FAILED: "FAILED", CANCELLED: "KILLED"}


@dataclass(frozen=True)
class Outcome:
    """How it ended; `step` and `reason` are "" where nothing failed or nobody knows.

    `began`: seconds since 1970, None where only the MLflow run tells when it began.
    """

    kind: str
    step: str = ""
    reason: str = ""
    began: float | None = None


def record(name: str, run_key: str, outcome: Outcome) -> str | None:
    """Put the outcome on the MLflow run of this pipeline run, close it, and return its id.

    A pipeline run that failed before its training gets a run of its own in the experiment `name`;
    None where nothing was ever recorded: making a store takes seconds.
    """
    if is_empty():
        return None
    tracker = connect()
    run = find(tracker, run_key)
    if run is None:
        if outcome.kind == SUCCEEDED:
            return None
        run = tracker.get_run(tracking.open_run(name, run_key))
    _tag(tracker, run, outcome)
    if run.info.status == "RUNNING":
        tracker.set_terminated(run.info.run_id, _STATUS[outcome.kind])
    return str(run.info.run_id)


def find(tracker: Any, run_key: str) -> Any:
    """Return the MLflow run of a pipeline run, None where it has none."""
    experiments = [each.experiment_id for each in paged(tracker.search_experiments)]
    wanted = f"tags.`{tracking.RUN_KEY}` = '{run_key}'"
    found = tracker.search_runs(experiments, filter_string=wanted) if experiments else []
    return found[0] if found else None


def _tag(tracker: Any, run: Any, outcome: Outcome) -> None:
    from mlflow.entities import RunTag

    began = outcome.began or run.info.start_time / 1e3
    tags = {OUTCOME: outcome.kind, SECONDS: f"{max(0.0, time.time() - began):.1f}"}
    if outcome.step:
        tags[STEP] = outcome.step
    # A training that failed has said why itself.
    if outcome.reason and tracking.FAILURE not in run.data.tags:
        tags[tracking.FAILURE] = outcome.reason[: tracking.PARAMETER_LIMIT]
    tracker.log_batch(run.info.run_id, tags=[RunTag(key, text) for key, text in tags.items()])
