"""The pipeline runs that MLflow knows, also those of other machines and of a cluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from components import registry, tracking
from components.tracking_store import connect

if TYPE_CHECKING:
    from serving.settings import Settings

PAGE = 1000
ANY = "attributes.start_time > 0"
CURVES = ("train_", "val_")
LEFT_OUT = (*CURVES, tracking.SYSTEM)
"""Curves, and what steps used of their machines."""
STATUSES = {"FINISHED": "finished", "FAILED": "failed", "KILLED": "killed"}


@dataclass(frozen=True)
class TrackedRun:
    """One pipeline run as MLflow has it.

    `status`: running, finished, rejected, failed or killed. `started`, `ended`: seconds since the
    epoch. `metrics`: of the model, without curves.
    """

    run_key: str
    run_id: str
    model: str
    kind: str
    task: str
    status: str
    started: float
    ended: float | None
    sentence: str
    metrics: Mapping[str, float]


def changed(settings: Settings, since: float = 0.0) -> list[TrackedRun]:
    """Return the pipeline runs that go on, and those that have ended since then (seconds).

    Two questions to MLflow for each thousand runs: ask every ten seconds, not every second. Raises
    TrackingError where its store does not answer.
    """
    tracker = connect(settings)
    names = {each.experiment_id: each.name for each in registry.paged(tracker.search_experiments)}
    wanted = ("attributes.status = 'RUNNING'", f"attributes.end_time >= {int(since * 1000)}")
    found = {run.info.run_id: run for which in wanted for run in _runs(tracker, names, which)}
    return [tracked(run, names[run.info.experiment_id]) for run in found.values()]


def data_of(settings: Settings, model: str) -> dict[str, str]:
    """Return the sha256 of the data that each pipeline run of a model has read, by its key."""
    tracker = connect(settings)
    experiment = tracker.get_experiment_by_name(model)
    names = {experiment.experiment_id: model} if experiment else {}
    found = (run.data.tags for run in _runs(tracker, names, ANY))
    return {tags[tracking.RUN_KEY]: tags.get(tracking.DATA_SHA256, "") for tags in found}


def metrics_of(settings: Settings, model: str, version: str) -> dict[str, float]:
    """Return what was measured of a registered version on its test rows; {} where nobody knows it.

    Raises TrackingError where MLflow's store does not answer.
    """
    run_id = registry.tags_if_any(model, version).get("kanarya.run_id")
    if not run_id:
        return {}
    found = connect(settings).get_run(run_id).data.metrics.items()
    return {name: value for name, value in found if not name.startswith(LEFT_OUT)}


def _runs(tracker: Any, names: Mapping[str, str], which: str) -> Iterator[Any]:
    wanted = f"{which} and tags.`{tracking.RUN_KEY}` LIKE '%'"
    token = None
    while names:
        page = tracker.search_runs(list(names), wanted, max_results=PAGE, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def tracked(run: Any, model: str) -> TrackedRun:
    """Return an MLflow run of the experiment `model` as the run of a pipeline."""
    tags, info = run.data.tags, run.info
    status = STATUSES.get(info.status, "running")
    rejected = status == "finished" and tags.get(tracking.GATE) == "rejected"
    metrics = run.data.metrics.items()
    return TrackedRun(
        run_key=tags[tracking.RUN_KEY],
        run_id=info.run_id,
        model=model,
        kind=run.data.params.get("kind", ""),
        task=run.data.params.get("task", ""),
        status="rejected" if rejected else status,
        started=info.start_time / 1000,
        ended=info.end_time / 1000 if info.end_time else None,
        sentence=tags.get(tracking.FAILURE, ""),
        metrics={name: value for name, value in metrics if not name.startswith(LEFT_OUT)},
    )
