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
    candidate: Candidate, limits: Mapping[str, Any], rollout: Mapping[str, Any], guards: Any
) -> None:
    """Add the steps behind packaging to the pipeline that is being made.

    `limits`: the gate's parameters but for its inputs; `rollout`: the deploy step's; `guards`: the
    limits on serving.
    """
    evaluation = candidate.evaluated.outputs["evaluation"]
    run_id = candidate.trained.outputs["Output"]
    packaged = candidate.packaged.outputs["packaged"]
    tried = servability(packaged=packaged, guards=guards, run_id=run_id)
    tried.set_display_name("Serve it once").set_caching_options(False)
    decided = gate(evaluation=evaluation, served=tried.outputs["served"], **limits)
    decided.set_display_name("Gate")
    decision = decided.outputs["decision"]
    with dsl.If(decided.outputs["Output"] == True, name="passed"):  # noqa: E712 - the DSL's
        registered = register(
            packaged=packaged,
            evaluation=evaluation,
            decision=decision,
            report=candidate.evaluated.outputs["report"],
            findings=candidate.checked.outputs["findings"],
            name=candidate.name,
            run_id=run_id,
        )
        registered.set_display_name("Register").set_caching_options(False)
        deploy(
            name=candidate.name, version=registered.output, run_key=candidate.run_key, **rollout
        ).set_display_name("Roll out by canary").set_caching_options(False)
    with dsl.Else(name="rejected"):
        reject(decision=decision, evaluation=evaluation, run_id=run_id).set_display_name(
            "Reject"
        ).set_caching_options(False)
