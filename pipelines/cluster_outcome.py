"""How a run on a cluster ended, from its steps and what they wrote; pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from components.outcome import OUTCOME
from components.telling import NOTE
from pipelines.cluster_steps import ClusterRun, failed_driver
from pipelines.errors import ClusterError, RunError, StepFailed
from pipelines.journal import FAILED, SUCCEEDED, Result, Step
from pipelines.local import reason_in

ENDINGS = ("reject", "deploy")
"""The last step of either branch behind the gate; each writes its outcome into its log."""


def notes(text: str) -> list[str]:
    """Return what a step noted on the way, from its log."""
    return [line.removeprefix(NOTE) for line in text.splitlines() if line.startswith(NOTE)]


def result(run: ClusterRun, steps: Sequence[Step], log: Callable[[str], str], page: str) -> Result:
    """Return how a run ended that is in its final state.

    `log` returns what a step wrote, or raises ClusterError; `page` is where a person reads on.

    Raises:
        StepFailed: a step failed; the message is its own sentence.
        ClusterError: it was cancelled, or nobody here can know how it ended.
    """
    if run.cancelled and run.state != "SUCCEEDED":
        raise ClusterError(f"{run.name} was cancelled (by whom, Kubeflow Pipelines does not say)")
    if run.state != "SUCCEEDED":
        raise _failure(run, steps, log, page)
    ended = [step.name for step in steps if step.name in ENDINGS and step.status == SUCCEEDED]
    if not ended:
        ran = ", ".join(step.name for step in steps)
        raise RunError(f"neither branch behind the gate ran to its end (steps that ran: {ran})")
    told = _told(ended[-1], log, page)
    seconds = max(0.0, run.finished - run.created) if run.created and run.finished else 0.0
    return Result(run.run_id, *told, seconds=seconds, steps=tuple(steps))


def _told(step: str, log: Callable[[str], str], page: str) -> tuple[str, str, str | None]:
    """Return outcome, sentence and version, as the step wrote them."""
    try:
        text = log(step)
    except ClusterError as error:
        if step == "reject":
            return (
                "rejected",
                f"the gate objected; its reasons are on the MLflow run ({error})",
                None,
            )
        raise ClusterError(
            f"the run is through, but nobody here can say whether the version was promoted or "
            f"rolled back: {error}; `kanarya rollout status` where the service is knows"
        ) from error
    lines = [line for line in text.splitlines() if line.startswith(OUTCOME)]
    if not lines:
        raise ClusterError(
            f"{step} did not write how it ended, so its image is older than this command; "
            f"see {page}"
        )
    try:
        record = json.loads(lines[-1].removeprefix(OUTCOME))
        return str(record["outcome"]), str(record["sentence"]), record["version"]
    except (ValueError, KeyError, TypeError) as error:
        raise ClusterError(
            f"the log of {step} breaks off where it says how it ended; see {page}"
        ) from error


def _failure(
    run: ClusterRun, steps: Sequence[Step], log: Callable[[str], str], page: str
) -> RunError:
    failed = [step.name for step in steps if step.status == FAILED]
    if not failed:
        why = f": {run.error}" if run.error else ", and no step says why"
        return ClusterError(f"{run.name} {run.state.lower()}{why}; see {page}")
    if failed_driver(run, failed[0]):
        return StepFailed(
            f"{failed[0]} failed while its inputs were gathered, before its pod began; see {page}"
        )
    try:
        return StepFailed(f"{failed[0]}: {reason_in(log(failed[0]))} ({page})")
    except ClusterError as error:
        return StepFailed(f"{failed[0]} failed, and why cannot be read here: {error}")
