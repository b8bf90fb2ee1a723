"""The trials of a search in MLflow: a run for each, below the run of the pipeline run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from components import tracking, tracking_store
from components.usage import TUNE, samples_of

if TYPE_CHECKING:
    from components.tune.rules import Search, Trial

NUMBER = "kanarya.trial"
PARENT = "mlflow.parentRunId"
FOLDER = "tuning"


def log_trials(name: str, run_key: str, search: Search, directory: Path) -> None:
    """Record every trial in a closed run, and the results beside the model to be.

    A step that is tried again leaves alone what is recorded already.
    """
    run_id = tracking.open_run(name, run_key)
    tracker = tracking_store.connect()
    experiment = tracker.get_run(run_id).info.experiment_id
    wanted = f"tags.`{PARENT}` = '{run_id}' and status != 'RUNNING'"
    known = {run.data.tags.get(NUMBER) for run in tracker.search_runs([experiment], wanted)}
    for trial in search.trials:
        if str(trial.number) not in known:
            _log(tracker, experiment, run_id, search, trial)
    tracker.log_artifacts(run_id, str(directory), FOLDER)
    for number, columns in enumerate(search.usage):
        pod = f"{TUNE}/{number}" if search.usage[1:] else TUNE
        tracking.log_usage(run_id, pod, samples_of(columns))
    _summary(tracker, run_id, search)


def _log(tracker: Any, experiment: str, parent: str, search: Search, trial: Trial) -> None:
    from mlflow.entities import Param, RunTag

    tags = {PARENT: parent, NUMBER: str(trial.number), tracking.PROCESS: tracking.process()}
    name = f"trial-{trial.number}"
    run_id = tracker.create_run(experiment, run_name=name, tags=tags).info.run_id
    params = [
        Param(f"hyperparameters.{key}", tracking.text(value)[: tracking.PARAMETER_LIMIT])
        for key, value in {**search.fixed, **trial.hyperparameters}.items()
    ]
    why = trial.error[: tracking.PARAMETER_LIMIT]
    failed = [RunTag(tracking.FAILURE, why)] if why else []
    metrics = _metrics(search, trial)
    tracker.log_batch(run_id, params=params, metrics=metrics, tags=failed)
    tracker.set_terminated(run_id, "FAILED" if trial.error else "FINISHED")


def _metrics(search: Search, trial: Trial) -> list[Any]:
    from mlflow.entities import Metric
    from mlflow.utils.time import get_current_time_millis

    now = get_current_time_millis()
    found = [
        Metric("trial.rows", trial.rows, now, 0),
        Metric("trial.seconds", trial.seconds, now, 0),
    ]
    if trial.score is None:
        return found
    name = f"cv.{search.metric}"
    folds = [Metric(f"{name}.fold", score, now, n) for n, score in enumerate(trial.scores, 1)]
    return [
        *found,
        *folds,
        Metric(name, trial.score, now, 0),
        Metric(f"{name}.std", trial.spread, now, 0),
    ]


def _summary(tracker: Any, run_id: str, search: Search) -> None:
    from mlflow.entities import Param

    said = {"method": search.method, "trials": len(search.trials), "cv": search.cv}
    said |= {"metric": search.metric}
    if chosen := search.best_first[:1]:
        said |= {"best": f"trial-{chosen[0].number}"}
    tracker.log_batch(run_id, params=[Param(f"tune.{k}", str(v)) for k, v in said.items()])
