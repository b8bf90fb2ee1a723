"""The numbers behind a verdict, as the ledger keeps them and charts draw them. Pure.

    percent   of the traffic that the canary was to get
    verdict   good, bad, too few or not measured
    canary    {requests, errors, p95_s} since the rollout's first look; `stable` the same. The 95th
              percentile, in seconds, is that of the newest answers; left out where nobody knows it
    enough    logarithm of the e-value from which on a guard's evidence says: safe
    guards    [{name, value, limit, harm, allowed, safety}]: the canary's share and the highest that
              is tolerated; logarithms of the e-values against the canary, breached from `allowed`
              on, and in its favour

They are written to the ledger with the decision that was made on them; the annotation of an
InferenceService has no room for them.
"""

from __future__ import annotations

import math
from typing import Any

from serving.rollout.guards import Guard
from serving.rollout.judge import Case, Judgement
from serving.rollout.policy import Policy


def measured(case: Case | None, found: Judgement, policy: Policy, percent: int) -> dict[str, Any]:
    """Return the numbers of one judgement as a JSON object; every one of them is finite."""
    return {
        "percent": percent,
        "verdict": found.verdict.value,
        "enough": _short(-math.log(policy.alpha)),
        **(_counted(case) if case else {}),
        "guards": [_guard(guard) for guard in found.guards],
    }


def _counted(case: Case) -> dict[str, Any]:
    canary, canary_errors, stable, stable_errors = (int(count) for count in case.errors.seen)
    both = {"canary": (canary, canary_errors), "stable": (stable, stable_errors)}
    slowest = dict(zip(both, case.p95_s, strict=True))
    return {
        name: {"requests": requests, "errors": errors, **_known(p95_s=slowest[name] or None)}
        for name, (requests, errors) in both.items()
    }


def _guard(guard: Guard) -> dict[str, Any]:
    numbers = {name: getattr(guard, name) for name in ("value", "limit", "harm", "allowed")}
    return {"name": guard.name.rstrip(":"), **_known(**numbers, safety=guard.safety)}


def _known(**numbers: float | None) -> dict[str, float]:
    found = {name: number for name, number in numbers.items() if number is not None}
    return {name: _short(number) for name, number in found.items() if math.isfinite(number)}


def _short(number: float) -> float:
    """Return six digits of a number: what is read by people need not be longer."""
    return float(f"{number:.6g}")
