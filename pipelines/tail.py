"""What every pipeline ends in: the gate, then the registry and the rollout, or the rejection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kfp import dsl

from components.deploy.component import deploy
from components.gate.component import gate
from components.register.component import register
from components.reject.component import reject
from components.servability.component import servability
from pipelines import pods
from pipelines.placing import Size, placed


@dataclass(frozen=True)
class Candidate:
    """A trained and packaged model: its name, and the outputs of the steps that made it."""

    name: Any
    checked: Any
    trained: Any
    evaluated: Any
    packaged: Any
    run_key: Any


def decide_and_deploy(
    candidate: Candidate,
    limits: Mapping[str, Any],
    rollout: Mapping[str, Any],
    guards: Any,
    size: Size,
) -> None:
    """Add the steps behind packaging to the pipeline that is being made.

    `limits`: the gate's parameters but for its inputs; `rollout`: the deploy step's; `guards`: the
    limits on serving; `size`: of the steps that hold data.
    """
    evaluation = candidate.evaluated.outputs["evaluation"]
    run_id = candidate.trained.outputs["Output"]
    packaged = candidate.packaged.outputs["packaged"]
    tried = servability(packaged=packaged, guards=guards, run_id=run_id)
    placed(tried, "Serve it once", pods.trying(size))
    decided = gate(evaluation=evaluation, served=tried.outputs["served"], **limits)
    placed(decided, "Gate", pods.computing(size))
    decision = decided.outputs["decision"]
    with dsl.If(decided.outputs["Output"] == True, name="passed"):  # noqa: E712 - the DSL's
        _bring_live(candidate, decision, rollout)
    with dsl.Else(name="rejected"):
        rejected = reject(decision=decision, evaluation=evaluation, run_id=run_id)
        placed(rejected, "Reject", pods.REJECTING)


def _bring_live(candidate: Candidate, decision: Any, rollout: Mapping[str, Any]) -> None:
    registered = register(
        packaged=candidate.packaged.outputs["packaged"],
        evaluation=candidate.evaluated.outputs["evaluation"],
        decision=decision,
        report=candidate.evaluated.outputs["report"],
        findings=candidate.checked.outputs["findings"],
        name=candidate.name,
        run_id=candidate.trained.outputs["Output"],
    )
    placed(registered, "Register", pods.REGISTERING)
    rolled_out = deploy(
        name=candidate.name, version=registered.output, run_key=candidate.run_key, **rollout
    )
    placed(rolled_out, "Roll out by canary", pods.ROLLING_OUT)
