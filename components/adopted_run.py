"""The MLflow run that somebody opened for this pipeline run: Kubeflow's own integration.

Kubeflow Pipelines (2.17, `injectUserEnvVars`) opens a run for the pipeline and, below it, one for
each task, which it names in MLFLOW_RUN_ID and closes with the task. What belongs to a pipeline run
is the outermost one. The run of `mlflow run .` is left alone: its files go to the folder where the
user stands.
"""

from __future__ import annotations

import os
from typing import Any

GIVEN = "MLFLOW_RUN_ID"
PARENT = "mlflow.parentRunId"
SOURCE_TYPE = "mlflow.source.type"


def adopted(tracker: Any, run_key: str, key_tag: str) -> Any:
    """Return the run to record this pipeline run on, None where nobody opened one for it.

    A run that another pipeline run has taken (`key_tag` says which) is not taken again: its
    parameters are written once.
    """
    run = _outermost(tracker, os.environ.get(GIVEN) or "")
    if run is None or run.data.tags.get(key_tag, run_key) != run_key:
        return None
    if run.data.tags.get(SOURCE_TYPE) == "PROJECT":
        return None
    if key_tag not in run.data.tags:
        tracker.set_tag(run.info.run_id, key_tag, run_key)
    return run


def _outermost(tracker: Any, run_id: str) -> Any:
    from mlflow.exceptions import MlflowException

    run = None
    while run_id:
        try:
            run = tracker.get_run(run_id)
        except MlflowException as error:
            if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise
            return run  # the variable is of another store, or the parent was deleted
        run_id = run.data.tags.get(PARENT, "")
    return run
