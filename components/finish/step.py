"""Record how the pipeline ended on its MLflow run: how, in which step, why, after how long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
    api = cluster.Api.of_this_pod()
    found = told(ended, cluster.pods(api, ended.workflow) if api else [], last_words())
    tracked_outcome.record(name, run_key, found)
    note(f"the pipeline {found.kind}{f': {found.step}' if found.step else ''}")


def told(ended: Ended, pods: Sequence[dict[str, Any]], words: str) -> Outcome:
    """Return the outcome by what the engine, the pods and the step that failed have said."""
    step, reason = rules.failure(pods) if pods else rules.words(words)
    kind = rules.outcome(ended.state, failed=bool(step))
    if kind == SUCCEEDED:
        return Outcome(kind, began=rules.began(pods))
    unknown = {FAILED: "a step failed; its log says why", CANCELLED: "somebody ended the run"}
    reason = reason or ended.message or unknown[kind]
    return Outcome(kind, step, reason, rules.began(pods))
