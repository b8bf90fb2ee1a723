"""What a run leaves in MLflow; with `registry.py` the only place that knows MLflow's names.

One experiment per model name holds one run per pipeline run.
"""

from __future__ import annotations

import json
import logging
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components import curve, provenance, tracked_models
from components.adopted_run import adopted
from components.errors import TrackingError
from components.registry import paged
from components.tracked_datasets import dataset_input
from components.tracking_refusals import is_server
from components.tracking_store import connect, is_empty
from serving.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

    from components.models.epochs import Epoch
    from components.tracked_datasets import AnySchema
    from components.usage import Sample
    from serving.signature import Signature

RUN_KEY = "kanarya.run"
DATA_SHA256 = "kanarya.data.sha256"
GATE = "kanarya.gate"
FAILURE = "kanarya.failure"
WHY = "kanarya.why"
PROCESS = "kanarya.process"
SYSTEM = "system/"
"""What MLflow's pages show under "System metrics" begins with it."""
BATCH_LIMIT = 1000  # metrics that MLflow takes at a time
PARAMETER_LIMIT = 6000  # what MLflow's SQL store takes for one parameter value


def start_run(
    *, name: str, run_key: str, parameters: Mapping[str, object], dataset: AnySchema
) -> str:
    """Open the MLflow run of this pipeline run and return its id."""
    run_id = open_run(name, run_key)
    _describe(connect(), run_id, parameters, dataset)
    return run_id


def open_run(name: str, run_key: str) -> str:
    """Return the id of the MLflow run of this pipeline run, which may have been opened for it.

    A step that is tried again, or comes later, finds the run that the first one opened.
    """
    tracker = connect()
    if given := adopted(tracker, run_key, RUN_KEY):
        return _reopened(tracker, given)
    experiment = _experiment(tracker, name)
    found = _runs(tracker, [experiment], run_key)
    run_id = _reopened(tracker, found[0]) if found else _create(tracker, experiment, run_key)
    _close_killed(tracker, experiment)
    return run_id


def log_evaluation(run_id: str, metrics: Mapping[str, float], directory: Path) -> None:
    """Put the metrics and the files of an evaluation (plots, scores) on the run."""
    from mlflow.entities import Metric
    from mlflow.utils.time import get_current_time_millis

    now = get_current_time_millis()
    values = [Metric(name, float(value), now, 0) for name, value in sorted(metrics.items())]
    connect().log_batch(run_id, metrics=values)
    connect().log_artifacts(run_id, str(directory), "evaluation")


def log_epochs(run_id: str, epochs: Sequence[Epoch]) -> None:
    """Add what was measured after each of these epochs, with its number as the step."""
    curve.append(epochs)
    from mlflow.entities import Metric
    from mlflow.utils.time import get_current_time_millis

    now = get_current_time_millis()
    values = [
        Metric(name, float(value), now, epoch.number)
        for epoch in epochs
        for name, value in sorted(epoch.values.items())
    ]
    _log_metrics(run_id, values)


def log_usage(run_id: str, step: str, samples: Sequence[Sample]) -> None:
    """Add what a step used, as `system/<step>/<name>`, with the sample's number as the step."""
    from mlflow.entities import Metric

    values = [
        Metric(f"{SYSTEM}{step}/{name}", float(value), round(1000 * sample.at), sample.number)
        for sample in samples
        for name, value in sorted(sample.values.items())
    ]
    _log_metrics(run_id, values)


def _log_metrics(run_id: str, values: Sequence[Any]) -> None:
    for start in range(0, len(values), BATCH_LIMIT):
        connect().log_batch(run_id, metrics=values[start : start + BATCH_LIMIT])


def log_epoch(run_id: str, epoch: int, metrics: Mapping[str, float]) -> None:
    """Add what was measured in an epoch, from 1, while the training goes on."""
    from components.models.epochs import Epoch

    log_epochs(run_id, [Epoch(epoch, metrics)])


def log_file(run_id: str, text: str, name: str) -> None:
    """Put a text file on the run."""
    connect().log_text(run_id, text, name)


def tag_run(run_id: str, tags: Mapping[str, str]) -> None:
    """Set tags on the run."""
    from mlflow.entities import RunTag

    connect().log_batch(run_id, tags=[RunTag(key, value) for key, value in tags.items()])


def end_run(run_id: str, status: str = "FINISHED") -> None:
    """Close the run as FINISHED, FAILED or KILLED."""
    connect().set_terminated(run_id, status)


def fail_run(run_id: str, reason: str) -> None:
    """Close the run as FAILED, with the reason."""
    tracker = connect()
    tracker.set_tag(run_id, FAILURE, reason[:PARAMETER_LIMIT])
    tracker.set_terminated(run_id, "FAILED")


def fail_runs(run_key: str, reason: str) -> list[str]:
    """Mark what this pipeline run left open as FAILED, with the reason; return the run ids."""
    if is_empty():
        return []
    tracker = connect()
    experiments = [e.experiment_id for e in paged(tracker.search_experiments)]
    left_open = [r for r in _runs(tracker, experiments, run_key) if r.info.status == "RUNNING"]
    for run in left_open:
        fail_run(run.info.run_id, reason)
    return [run.info.run_id for run in left_open]


def save_native(
    pipeline: object,
    directory: Path,
    *,
    signature: Signature,
    input_example: pd.DataFrame,
    trusted_types: Sequence[str],
) -> None:
    """Write the fitted pipeline as an MLflow model directory in skops format.

    The requirements are stated, not inferred: inference costs three seconds and runs the model.
    """
    import mlflow.sklearn

    logging.getLogger("mlflow").setLevel(logging.ERROR)
    mlflow.sklearn.save_model(
        pipeline,
        str(directory),
        serialization_format="skops",
        skops_trusted_types=list(trusted_types),
        signature=tracked_models.model_signature(signature),
        input_example=input_example,
        pip_requirements=requirements(),
    )


def requirements() -> list[str]:
    """Return the pinned requirements with which a native model can be loaded again."""
    from importlib.metadata import version

    packages = ("mlflow", "scikit-learn", "skops", "pandas", "numpy")
    return [f"{name}=={version(name)}" for name in packages]


def _experiment(tracker: Any, name: str) -> str:
    from mlflow.exceptions import MlflowException

    experiment = tracker.get_experiment_by_name(name)
    if experiment is None:
        try:
            return str(tracker.create_experiment(name, artifact_location=_artifacts(name)))
        except MlflowException:  # another run made it between the two calls
            experiment = tracker.get_experiment_by_name(name)
            if experiment is None:
                raise
    if experiment.lifecycle_stage != "active":
        raise TrackingError(
            f"the MLflow experiment {name!r} was deleted; restore it with "
            f"'mlflow experiments restore -x {experiment.experiment_id}' or choose another name"
        )
    return str(experiment.experiment_id)


def _artifacts(name: str) -> str | None:
    settings = Settings.from_env()
    # A server decides for itself; in-process MLflow, on SQLite or straight on PostgreSQL, would
    # scatter ./mlruns over working folders, where no backup finds it.
    embedded = not is_server(settings.tracking_uri)
    return (settings.home / "artifacts" / name).as_uri() if embedded else None


def _runs(tracker: Any, experiments: list[str], run_key: str) -> list[Any]:
    wanted = f"tags.`{RUN_KEY}` = '{run_key}'"
    return list(tracker.search_runs(experiments, filter_string=wanted)) if experiments else []


def _close_killed(tracker: Any, experiment: str) -> None:
    """Close what runs left open that were killed on this machine, with their exit handler."""
    for run in tracker.search_runs([experiment], filter_string="status = 'RUNNING'"):
        node, _, pid = run.data.tags.get(PROCESS, "").rpartition(":")
        if node == platform.node() and not _lives(int(pid)):
            tracker.set_tag(run.info.run_id, FAILURE, "the run was killed")
            tracker.set_terminated(run.info.run_id, "KILLED")


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # of another user
        return True
    return True


def _reopened(tracker: Any, run: Any) -> str:
    """Return the id of a run that goes on, now with this step; one that failed has closed it."""
    if run.info.status != "RUNNING":
        tracker.update_run(run.info.run_id, status="RUNNING")
    tracker.set_tag(run.info.run_id, PROCESS, process())
    return str(run.info.run_id)


def _create(tracker: Any, experiment: str, run_key: str) -> str:
    tags = {RUN_KEY: run_key, PROCESS: process()}
    return str(tracker.create_run(experiment, run_name=run_key, tags=tags).info.run_id)


def process() -> str:
    """Return what runs are tagged with, to be closed when they were killed: machine and process.

    The parent outlives the step, and dies with its run: a shell, or the server of warm steps.
    """
    return f"{platform.node()}:{os.getppid()}"


def _describe(
    tracker: Any, run_id: str, parameters: Mapping[str, object], dataset: AnySchema
) -> None:
    from mlflow.entities import Param

    params = [Param(key, text(value)[:PARAMETER_LIMIT]) for key, value in parameters.items()]
    tracker.log_batch(run_id, params=params)
    _log_dataset(tracker, run_id, dataset)
    tags = {DATA_SHA256: dataset.sha256, **provenance.tags()}
    if commit := str(parameters.get("git_commit") or ""):
        tags["mlflow.source.git.commit"] = commit
    if why := str(parameters.get("why") or ""):
        tags[WHY] = why
    tag_run(run_id, tags)


def _log_dataset(tracker: Any, run_id: str, dataset: AnySchema) -> None:
    from mlflow.exceptions import MlflowException

    try:
        tracker.log_inputs(run_id, [dataset_input(dataset)])
    except MlflowException:  # a twin on the same data inserted it between MLflow's look and insert
        tracker.log_inputs(run_id, [dataset_input(dataset)])


def text(value: object) -> str:
    """Return a value as MLflow records it: a text as it is, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
