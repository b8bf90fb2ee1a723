"""How long a rollout may take at most, and what of it is a number: values in, values out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from serving.rollout.card.looks import Look, looks
from serving.rollout.policy import Policy

SLACK_S = 120.0
"""For what is no step: an API server that restarts, the ledger, another's rollout to clear away."""
KEEPING_S = 120.0
"""For reading the ledger and writing the card to MLflow."""
LONGEST_S = 1e8
"""What a timer takes on macOS."""


def limit_s(policy: Policy) -> float:
    """Return the seconds after which no rollout with this policy can still be on its way.

    Each step below 100 % waits for its split and for its verdict; the shadow, and a person who is
    asked, have the time of a verdict too. The canary comes up before, and at the end all of the
    traffic is moved: once, or for a rollout that another process left there as well.
    """
    verdicts = sum(percent < 100 for percent in policy.steps)
    waits = verdicts + len(policy.approve) + bool(policy.shadow_requests)
    moves = verdicts + 4
    limit = waits * policy.max_seconds + moves * policy.ready_timeout_s + SLACK_S
    return min(limit, LONGEST_S)


def overdue(name: str, limit: float) -> str:
    """Return the sentence for a rollout that had not ended after its limit."""
    return (
        f"{name}: its rollout had not ended after {limit:g} s, which is more than its steps add up "
        "to, so this step stopped and the traffic stays as it is; look at `kanarya rollout status "
        f"{name}` and go on with `kanarya rollout resume {name}`"
    )


def figures(decision: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers of a decision by name and unit; every one is finite."""
    judged = looks(decision)
    found = {
        "promoted": float(decision["outcome"] == "promoted"),
        "seconds": float(decision["seconds"]),
        "good_steps": float(sum(look.verdict == "good" for look in judged)),
        **_counted(next((look for look in reversed(judged) if look.canary), None)),
    }
    return {name: value for name, value in found.items() if math.isfinite(value)}


def _counted(look: Look | None) -> dict[str, float]:
    found: dict[str, float] = {}
    for name in ("canary", "stable"):
        asked = getattr(look, name, None)
        if asked:
            found[f"{name}_requests"] = float(asked.requests)
            found[f"{name}_error_percent"] = 100 * asked.error_rate
        if asked and asked.p95_s is not None:
            found[f"{name}_p95_ms"] = 1e3 * asked.p95_s
    return found
