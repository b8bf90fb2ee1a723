"""Record how the pipeline ended on its MLflow run: how, in which step, why, after how long."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from components import tracked_outcome
from components.finish import cluster, rules
from components.telling import last_words, note
from components.tracked_outcome import CANCELLED, FAILED, SUCCEEDED, Outcome


@dataclass(frozen=True)
class Ended:
    """What the engine tells its exit handler; `workflow`: Argo's name of it, on a cluster."""

    state: str
    message: str
    workflow: str


def run(ended: Ended, name: str, run_key: str) -> None:
    """Record the outcome on the MLflow run with this key, and close it where it is open.

    On a cluster the pods of the run say which step failed and why; on one machine the step has
    left it in a file.
    """
    pods: list[dict[str, Any]] = []
    if api := cluster.Api.of_this_pod():
        pods = cluster.pods(api, ended.workflow)
        ended = heard(ended, lambda: cluster.terminated(api, ended.workflow))
    found = told(ended, pods, last_words())
    tracked_outcome.record(name, run_key, found)
    note(f"the pipeline {found.kind}{f': {found.step}' if found.step else ''}")


def heard(ended: Ended, terminated: Callable[[], bool]) -> Ended:
    """Return what the engine tells, and whether somebody ended the run, which it does not tell."""
    if rules.STATES.get(ended.state.upper()) != SUCCEEDED and terminated():
        return replace(ended, state="CANCELLED", message="somebody ended the run")
    return ended


def told(ended: Ended, pods: Sequence[dict[str, Any]], words: str) -> Outcome:
    """Return the outcome by what the engine, the pods and the step that failed have said."""
    step, reason = rules.failure(pods) if pods else rules.words(words)
    kind = rules.outcome(ended.state, failed=bool(step))
    if kind == SUCCEEDED:
        return Outcome(kind, began=rules.began(pods))
    if kind == CANCELLED:
        reason = ended.message  # what a step says that is ended is no reason
    unknown = {FAILED: "a step failed; its log says why", CANCELLED: "somebody ended the run"}
    reason = reason or ended.message or unknown[kind]
    return Outcome(kind, step, reason, rules.began(pods))
