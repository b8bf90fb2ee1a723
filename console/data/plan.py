"""What a run of a spec will do, step by step, as sentences of the catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from components.metrics import USUAL
from components.tune.asked import MOST_TRIALS, USUAL_TRIALS
from pipelines.spec import AnySpec, ImageSpec, Spec

Said = tuple[str, dict[str, Any]]
"""The key of a sentence, and what stands in its places."""


def plan(spec: AnySpec) -> tuple[Said, ...]:
    """Return what will happen, in its order."""
    return tuple(_steps(spec))


def _steps(spec: AnySpec) -> Iterator[Said]:
    yield _data(spec)
    yield "new.plan.split", {"percent": f"{100 * spec.split.test_size:g}"}
    if isinstance(spec, Spec) and spec.tune:
        trials = spec.tune.trials or USUAL_TRIALS
        if spec.tune.method == "grid":
            trials = min(spec.tune.combinations(), spec.tune.trials or MOST_TRIALS)
        yield "new.plan.tune", {"trials": trials, "folds": spec.tune.cv}
    yield "new.plan.train", {"kind": spec.model.kind}
    yield from _gate(spec)
    yield "new.plan.register", {"name": spec.name}
    yield "new.plan.rollout", {"steps": " → ".join(map(str, spec.rollout.steps))}
    if spec.rollout.approved:
        shown = ", ".join(map(str, spec.rollout.approved))
        yield "new.plan.approve", {"steps": shown}


def _data(spec: AnySpec) -> Said:
    shown = spec.data.uri.rstrip("/").rpartition("/")[2]
    if isinstance(spec, ImageSpec):
        return "new.plan.pictures", {"data": shown}
    key = "new.plan.numbers" if spec.task == "tabular-regression" else "new.plan.classes"
    return key, {"data": shown, "target": spec.data.target}


def _gate(spec: AnySpec) -> Iterator[Said]:
    for metric, floor in spec.gate.floor.items():
        yield "new.plan.floor", {"metric": metric, "floor": f"{floor:g}"}
    champion = spec.gate.champion
    if champion.metric != "":
        yield "new.plan.champion", {"metric": champion.metric or USUAL[spec.task]}
