"""How careful a rollout is: its steps, its limits, and what happens when nobody can tell."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from difflib import get_close_matches
from itertools import pairwise
from typing import Any, Literal, cast, get_args

from serving.errors import UsageError

OnInconclusive = Literal["hold", "promote", "abort"]

_WHOLE = ("min_requests", "shadow_requests")
_LIMITS: dict[str, tuple[float, float]] = {
    "min_requests": (1, 10**9),
    "max_seconds": (0.1, 10**7),
    "alpha": (1e-6, 0.5),
    "max_error_increase": (0.001, 0.9),
    "max_latency_ratio": (1, 10**3),
    "max_disagreement": (0.001, 1),
    "max_class_shift": (0.001, 1),
    "max_confidence_drop": (0.001, 1),
    "shadow_requests": (0, 10**5),
    "latency_floor_ms": (0, 10**6),
    "ready_timeout_s": (0.1, 10**6),
}


@dataclass(frozen=True)
class Policy:
    """What one step of a rollout asks for before the next may begin.

    min_requests        of the canary, in every step
    max_seconds         for every step; then `on_inconclusive` decides. By default so long that 3
                        requests a second are enough for a verdict at 10 %
    alpha               share of equally good versions that may be rolled back, and of versions
                        that are worse by the tolerated margin that may pass
    max_error_increase  share of failed requests above the stable revision's
    max_latency_ratio   of the 95th percentiles; differences below `latency_floor_ms` never count
    shadow_requests     asked of both revisions before the canary gets any traffic; 0: none
    max_disagreement    share of the rows of the shadow whose labels may differ
    max_class_shift     by which the shares of the predicted classes may differ in all
    max_confidence_drop by which the canary's mean confidence may lie below the stable revision's
    approve             percents that a person must let it go on to
    ready_timeout_s     for the canary to come up, and for a split to go live
    """

    steps: tuple[int, ...] = (10, 25, 50, 100)
    min_requests: int = 50
    max_seconds: float = 600.0
    alpha: float = 0.05
    max_error_increase: float = 0.02
    max_latency_ratio: float = 1.5
    latency_floor_ms: float = 5.0
    on_inconclusive: OnInconclusive = "hold"
    shadow_requests: int = 0
    max_disagreement: float = 0.2
    max_class_shift: float = 0.2
    max_confidence_drop: float = 0.2
    approve: tuple[int, ...] = ()
    ready_timeout_s: float = 120.0

    @classmethod
    def from_mapping(cls, given: Mapping[str, Any]) -> Policy:
        """Return the policy that a spec or a pipeline asks for; raises UsageError naming the key.

        Whole numbers may arrive as floats (10.0), as they do out of Kubeflow Pipelines.
        """
        names = [field.name for field in fields(cls)]
        for key in given:
            if key not in names:
                near = get_close_matches(str(key), names, n=1) or [", ".join(names)]
                raise UsageError(f"rollout.{key}: there is no such key; use {near[0]}.")
        policy = cls(**{key: _checked(key, value) for key, value in given.items()})
        unknown = sorted(set(policy.approve) - set(policy.steps))
        if unknown:
            raise UsageError(f"rollout.approve: {unknown[0]} is no step of {list(policy.steps)}.")
        return policy

    def to_json(self) -> dict[str, Any]:
        """Return what `from_mapping` reads."""
        return {**asdict(self), "steps": list(self.steps), "approve": list(self.approve)}


def _checked(key: str, value: object) -> Any:
    match key:
        case "steps":
            return _steps(value)
        case "approve":
            return _percents("approve", value)
        case "on_inconclusive":
            return _choice(value)
    return _number(key, value)


def _number(key: str, value: object) -> float | int:
    low, high = _LIMITS[key]
    if not _is_number(value) or not low <= cast(float, value) <= high:
        raise UsageError(f"rollout.{key}: {value!r} is not a number from {low:g} to {high:g}.")
    if key not in _WHOLE:
        return float(cast(float, value))
    return _whole(key, cast(float, value))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _whole(key: str, value: float) -> int:
    if value != int(value):
        raise UsageError(f"rollout.{key}: {value!r} is not a whole number.")
    return int(value)


def _choice(value: object) -> OnInconclusive:
    allowed = get_args(OnInconclusive)
    if value not in allowed:
        raise UsageError(f"rollout.on_inconclusive: {value!r} is not one of {', '.join(allowed)}.")
    return cast(OnInconclusive, value)


def _steps(value: object) -> tuple[int, ...]:
    steps = _percents("steps", value)
    if not steps:
        raise UsageError("rollout.steps: [] has no step; [100] promotes at once.")
    if any(after <= before for before, after in pairwise(steps)):
        raise UsageError(f"rollout.steps: {list(steps)} do not rise from step to step.")
    if steps[-1] != 100:
        raise UsageError(f"rollout.steps: {list(steps)} must end with 100, the promotion.")
    return steps


def _percents(key: str, value: object) -> tuple[int, ...]:
    if not isinstance(value, list | tuple) or not all(map(_is_number, value)):
        raise UsageError(f"rollout.{key}: {value!r} is not a list of percents, as [10, 50, 100].")
    percents = tuple(_whole(key, percent) for percent in value)
    if any(not 1 <= percent <= 100 for percent in percents):
        raise UsageError(f"rollout.{key}: {list(percents)} has a percent outside 1 to 100.")
    return percents
