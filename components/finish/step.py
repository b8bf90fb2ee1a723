"""Close the MLflow run of a pipeline run that failed; a run that succeeded closed its own."""

from __future__ import annotations

SUCCEEDED = "SUCCEEDED"


def run(state: str, message: str, run_key: str) -> None:
    """Mark the run as FAILED where the pipeline did not succeed; free of MLflow where it did."""
    if state == SUCCEEDED:
        return
    from components import tracking

    tracking.fail_runs(run_key, message or f"the pipeline ended {state}")
