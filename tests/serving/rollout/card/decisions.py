"""Decisions of every outcome, made by real rollouts on the fake cluster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

from serving.rollout import manual
from serving.rollout.begin import run
from serving.rollout.decision import decision
from serving.rollout.outcome import Event
from tests.serving.rollout.fake_cluster import Behaviour
from tests.serving.rollout.stage import NAME, STEPS, Stage, request, uri

RECORDED: dict[str, Any] = {
    "version": {"kanarya.run_id": "r1", "kanarya.gate": "passed"},
    "data": {
        "rows": 455,
        "columns": 31,
        "source": "file:///data/tumours.csv",
        "sha256": "7e11" * 16,
        "findings": [{"level": "warning", "sentence": "Column 'deck' is missing in 688 rows."}],
    },
    "gate": {
        "verdict": "passed",
        "checks": [
            {
                "name": "floor",
                "metric": "accuracy",
                "value": 0.9649,
                "limit": 0.8,
                "passed": True,
                "sentence": "accuracy 0.9649 is at least 0.8.",
            }
        ],
        "rows": 114,
        "candidate": {"accuracy": 0.9649},
        "champion": {"version": "1", "metrics": {"accuracy": 0.9035}},
    },
    "servability": {
        "kind": "random_forest",
        "runtime": "onnx",
        "labels": ["benign", "malignant"],
        "measured": {"p50_ms": 0.61, "p99_ms": 1.284, "start_s": 0.9, "golden_rows": 30},
    },
}


def promoted() -> Stage:
    stage = Stage.with_live("1")
    stage.run("2")
    return stage


def undone() -> Stage:
    stage = promoted()
    run(stage.world("a person"), replace(request("1"), undo=True))
    return stage


def first() -> Stage:
    return Stage.with_live("1")


def bad(behaviour: Behaviour) -> Stage:
    stage = Stage.with_live("1")
    stage.cluster.behaviours[uri("2")] = behaviour
    stage.run("2")
    return stage


def failed() -> Stage:
    stage = Stage()
    stage.cluster.behaviours[uri("1")] = Behaviour(load_failure="no model.onnx")
    stage.run("1")
    return stage


def resumed() -> Stage:
    stage = Stage.held()
    manual.resume(stage.world("a person"), NAME)
    return stage


def aborted() -> Stage:
    stage = Stage.held()
    manual.abort(stage.world("a person"), NAME)
    return stage


def conflict() -> Stage:
    stage = Stage.with_live("1")

    def interfere(event: Event) -> None:
        if event.kind == "split":
            patch = {"spec": {"predictor": {"canaryTrafficPercent": 33}}}
            stage.cluster.patch(NAME, patch)

    run(replace(stage.world(), report=interfere), request("2"))
    return stage


def asking() -> Stage:
    """A rollout that waits for approval, as the ledger has it when nobody has decided yet."""
    stage = approved()
    del stage.ledger.records[-3:]
    return stage


def approved() -> Stage:
    stage = Stage.with_live("1")
    policy = replace(STEPS, approve=(50,), shadow_requests=40)

    def approve(event: Event) -> None:
        if event.kind == "asks":
            manual.approve(stage.world("a person"), NAME)

    run(replace(stage.world(), report=approve), request("2", policy))
    return stage


def bad_shadow() -> Stage:
    stage = Stage.with_live("1")
    stage.cluster.behaviours[uri("2")] = Behaviour(disagreement=0.6)
    stage.run("2", replace(STEPS, shadow_requests=40))
    return stage


def under_way() -> Stage:
    stage = promoted()
    del stage.ledger.records[-2:]
    return stage


STAGES: dict[str, Callable[[], Stage]] = {
    "promoted": promoted,
    "undone": undone,
    "first": first,
    "errors": lambda: bad(Behaviour(error_rate=0.5)),
    "slow": lambda: bad(Behaviour(latency_s=0.4)),
    "broken": lambda: bad(Behaviour(load_failure="no model.onnx")),
    "failed": failed,
    "held": Stage.held,
    "resumed": resumed,
    "aborted": aborted,
    "asking": asking,
    "approved": approved,
    "bad shadow": bad_shadow,
    "conflict": conflict,
    "under way": under_way,
}


@cache
def decided(name: str) -> dict[str, Any]:
    """The decision of one of the stages, with all that may be on record; steps take STEPS."""
    assert STEPS.steps == (10, 50, 100)
    return decision(STAGES[name]().ledger.chain(NAME), recorded=RECORDED)
