"""What is known of a model that is live on a cluster, from its runs there."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipelines.cluster_steps import ClusterRun
from pipelines.retrain.deciding import decided
from pipelines.retrain.rules import Window
from pipelines.retrain.there import Learned, There
from pipelines.retrain_spec import Retrain

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
SPENT = {"name": "iris", "data_uri": "gs://b/new.csv", "model_kind": "svm"}
POLICY = Retrain.model_validate({"when": {"drift": {"windows": 1}}, "budget": {"runs": 1}})


def run(key: str, hours_ago: float, state: str = "SUCCEEDED", **changed: Any) -> ClusterRun:
    began = (NOW - timedelta(hours=hours_ago)).timestamp()
    ended = began + 600 if state != "RUNNING" else 0.0
    arguments = {**SPENT, "run_key": key, "data_uri": "gs://b/old.csv", **changed}
    return ClusterRun(f"id-{key}", key or "iris-cron", state, began, ended, arguments=arguments)


def there(*runs: ClusterRun, **changed: Any) -> There:
    known: dict[str, Any] = {
        "policy": POLICY,
        "learned": Learned("3", "aa", NOW - timedelta(hours=100)),
        "arguments": SPENT,
        "sha256": lambda: "bb",
        "runs": runs,
        "read": {"iris-1": "aa", "iris-2": "bb", "id-": "bb"},
        "windows": (Window(True, "age: median 34 -> 51."),),
    }
    return There(**{**known, **changed})


CASES: dict[str, tuple[There, str, str]] = {
    "other data": (there(run("iris-1", 90)), "retrain", "1 of the last 1 windows"),
    "read already": (there(run("iris-2", 90)), "pointless", "iris-2 has learned"),
    "by a schedule": (there(run("", 90)), "pointless", "iris-cron has learned"),
    "by another spec": (there(run("iris-2", 90, model_kind="mlp")), "retrain", "1 of"),
    "in vain": (there(run("iris-2", 90, "FAILED")), "retrain", "1 of"),
    "forgotten by Kubeflow": (there(sha256=lambda: "aa"), "pointless", "version 3 has learned"),
    "goes on": (there(run("iris-1", 1, "RUNNING")), "busy", "iris-1 is running"),
    "a rollout": (there(waits="the rollout of version 4 is held"), "busy", "version 4 is held"),
    "one just now": (there(run("iris-1", 3, why="drift")), "cooling", "iris-1 was one"),
    "one this week": (there(run("iris-1", 90, why="drift")), "spent", "1 such runs"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_decision_has_a_reason(name: str) -> None:
    subject, verdict, sentence = CASES[name]
    decision, _ = decided(subject, NOW)
    assert (decision.verdict, sentence in decision.sentence) == (verdict, True), decision


def test_a_person_is_told_where_it_is_pointless() -> None:
    decision, _ = decided(replace(there(run("iris-2", 90)), windows=()), NOW, "ada")
    assert decision.sentence.startswith("ada asked for it; but iris-2 has learned")
