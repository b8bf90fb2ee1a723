"""What a version says about itself: values in, tags and a description out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from components.image import IMAGE
from serving.figures import figure

if TYPE_CHECKING:
    from components.decision import Decision
    from serving.artifact import Card

TAG_LIMIT = 5000  # what MLflow's SQL store takes for one tag of a version


def facts(card: Card, decision: Decision, run_id: str) -> dict[str, str]:
    """Return the version's tags: where it comes from and what the gate said."""
    return {
        "kanarya.run_id": run_id,
        "kanarya.kind": card.kind,
        "kanarya.data.sha256": card.data_sha256,
        "kanarya.image": IMAGE,
        "kanarya.batching": batching(card),
        **served(decision.servability),
        "kanarya.gate": "passed" if decision.promote else "rejected",
        "kanarya.gate.verdict": decision.verdict or "not compared",
        "kanarya.gate.policy": json.dumps(dict(decision.policy))[:TAG_LIMIT],
        "kanarya.gate.reasons": json.dumps(list(decision.reasons))[:TAG_LIMIT],
    }


def served(measured: Mapping[str, float]) -> dict[str, str]:
    """Return what serving the candidate was like, a tag for each number."""
    return {f"kanarya.{name.replace('_', '.', 1)}": f"{v:g}" for name, v in measured.items()}


def batching(card: Card) -> str:
    """Return how the predictor gathers requests, in words."""
    together = card.batching
    if together is None:
        return "off: a call for each request is as quick"
    return f"up to {together.max_rows} rows a call, waiting {together.max_wait_us} µs"


def description(card: Card, decision: Decision) -> str:
    """Return the version's description in Markdown: the kind, the metrics, the gate's reasons."""
    metrics = ", ".join(f"{name} {figure(value)}" for name, value in sorted(card.metrics.items()))
    return f"`{card.kind}` on data {card.data_sha256[:12]}: {metrics}.\n\n{decision.markdown()}"
