"""What the gate decided, with the numbers behind it, as the run's artifact has it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Interval:
    """By how much the candidate is better (negative: worse), and between which bounds.

    `limit`: the improvement below which it would be worse than is tolerated.
    """

    improvement: float
    low: float
    high: float
    outcome: str
    alpha: float
    rows: int
    limit: float = 0.0

    @property
    def span(self) -> tuple[float, float]:
        """Return from where to where a drawing goes: all of it, and no difference at all."""
        found = (self.low, self.high, self.limit, 0.0, self.improvement)
        low, high = min(found), max(found)
        room = (high - low or 1.0) * 0.06
        return low - room, high + room


@dataclass(frozen=True)
class Check:
    """One question of the gate, with its answer as a sentence."""

    name: str
    metric: str
    value: float | None
    limit: float | None
    passed: bool
    sentence: str
    interval: Interval | None = None


@dataclass(frozen=True)
class Gate:
    """Whether the candidate may be registered, and every check."""

    passed: bool
    checks: tuple[Check, ...]


def gate_of(artifacts: Path) -> Gate | None:
    """Return the decision below a run's artifacts; None where none is there, or it is damaged."""
    found = sorted(artifacts.glob("*/gate*/decision/decision.json"))
    try:
        return gate_in(json.loads(found[-1].read_bytes())) if found else None
    except (OSError, ValueError):
        return None


def gate_in(record: object) -> Gate | None:
    """Return the decision in its recorded form; None where it is damaged."""
    try:
        return _gate(record) if isinstance(record, Mapping) else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _gate(record: Mapping[str, Any]) -> Gate:
    policy = record.get("policy", {}).get("champion", {})
    limit = 0.0 if policy.get("require") == "better" else 0.0 - float(policy.get("margin") or 0.0)
    return Gate(bool(record["promote"]), tuple(_check(each, limit) for each in record["checks"]))


def _check(check: Mapping[str, Any], limit: float) -> Check:
    return Check(
        name=str(check["name"]),
        metric=str(check["metric"] or ""),
        value=_number(check["value"]),
        limit=_number(check["limit"]),
        passed=bool(check["passed"]),
        sentence=str(check["sentence"]),
        interval=_interval(check["finding"], limit) if check.get("finding") else None,
    )


def _interval(finding: Mapping[str, Any], limit: float) -> Interval | None:
    numbers = [_number(finding[name]) for name in ("improvement", "low", "high")]
    if any(number is None for number in numbers):
        return None
    improvement, low, high = (float(number or 0.0) for number in numbers)
    outcome, alpha, rows = finding["outcome"], float(finding["alpha"]), int(finding["rows"])
    return Interval(improvement, low, high, str(outcome), alpha, rows, limit)


def _number(value: Any) -> float | None:
    return float(value) if value is not None and math.isfinite(float(value)) else None
