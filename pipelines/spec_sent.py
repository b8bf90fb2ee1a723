"""The spec behind the parameters of a compiled pipeline: `pipeline_arguments` the other way round.

A run on a cluster has nothing else of its spec. What only this machine goes by, `retrain`, was
never sent.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from components import nulls
from components.metrics import USUAL
from pipelines.spec import AnySpec, parse
from serving.errors import UsageError

PATHS = {
    "name": "name",
    "data_uri": "data.uri",
    "target": "data.target",
    "task": "task",
    "drop_columns": "data.drop",
    "image_size": "data.image_size",
    "channels": "data.channels",
    "test_size": "split.test_size",
    "random_state": "split.random_state",
    "stratify": "split.stratify",
    "model_kind": "model.kind",
    "hyperparameters": "model.hyperparameters",
    "network": "model.network",
    "gate_floor": "gate.floor",
    "champion_metric": "gate.champion.metric",
    "champion_margin": "gate.champion.margin",
    "gate_slices": "gate.slices",
    "serving_guards": "serving.guards",
    "feedback": "serving.feedback",
    "rollout_steps": "rollout.steps",
    "rollout_min_requests": "rollout.min_requests",
    "rollout_max_seconds": "rollout.max_seconds",
    "rollout_alpha": "rollout.alpha",
    "rollout_max_error_increase": "rollout.guards.error_rate.max_increase",
    "rollout_max_latency_ratio": "rollout.guards.latency_p95.max_ratio",
    "rollout_shadow_requests": "rollout.shadow.requests",
    "rollout_max_disagreement": "rollout.guards.disagreement.max",
    "rollout_max_class_shift": "rollout.guards.class_shift.max",
    "rollout_max_confidence_drop": "rollout.guards.confidence.max_drop",
    "rollout_approve": "rollout.approve",
    "rollout_on_inconclusive": "rollout.on_inconclusive",
    "cpu": "pods.cpu",
    "memory": "pods.memory",
    "gpus": "pods.gpus",
    "node_selector": "pods.node_selector",
    "tolerations": "pods.tolerations",
}
"""Where in a spec each parameter comes from."""
TUNE = ("method", "space", "trials", "cv", "metric", "pods")
RECORDS = frozenset({"data_sha256", "git_commit", "why", "run_key"})
"""What a run is given beside its spec."""
READ: Mapping[str, Callable[[Any], Any]] = {
    "hyperparameters": nulls.received,
    "image_size": lambda value: value or None,
    "channels": lambda value: value or None,
    "gpus": int,
    "rollout_approve": lambda value: value or False,
}


def spec_of(arguments: Mapping[str, Any], source: str) -> tuple[AnySpec, list[str]]:
    """Return the spec that parameters were made from, and those that no spec has, by name.

    Raises UsageError where they are of another pipeline, or say what no spec may say.
    """
    if not {"name", "data_uri", "model_kind"} <= arguments.keys():
        raise UsageError(f"{source} is a run of another pipeline: its parameters make no spec")
    given = {name: _whole(value) for name, value in arguments.items()}
    document: dict[str, Any] = {}
    for name, path in PATHS.items():
        if name in given:
            _put(document, path.split("."), READ.get(name, _same)(given[name]))
    if "image_size" in given:
        document["task"] = "image"
    document.setdefault("gate", {}).setdefault("champion", {}).update(_champion(given, document))
    document |= {"tune": tune} if (tune := _tune(given)) else {}
    known = {*PATHS, *RECORDS, "champion_evidence", *(f"tune_{name}" for name in TUNE)}
    return parse(document, source), sorted(given.keys() - known)


def _champion(given: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the comparison; the metric that a task has by itself is left to it."""
    task = str(document.get("task") or "tabular")
    usual = given.get("champion_metric") == USUAL.get(task)
    return {**given.get("champion_evidence", {}), **({"metric": None} if usual else {})}


def _tune(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the search, {} where there was none."""
    if not given.get("tune_method"):
        return {}
    found = {name: given[f"tune_{name}"] for name in TUNE if f"tune_{name}" in given}
    may_be_none = {name: found.get(name) or None for name in ("trials", "metric")}
    return {**found, **may_be_none, "space": json.loads(found.get("space", "{}"))}


def _put(document: dict[str, Any], path: list[str], value: Any) -> None:
    for key in path[:-1]:
        document = document.setdefault(key, {})
    document[path[-1]] = value


def _same(value: Any) -> Any:
    return value


def _whole(value: Any) -> Any:
    """Return a value with whole numbers as such: the API has one kind of number, of 64 bits."""
    if isinstance(value, Mapping):
        return {key: _whole(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_whole(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
