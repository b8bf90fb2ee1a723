"""Is the canary as good as the stable revision? Plain thresholds on two counts, nothing else.

An error rate above the limit is BAD once the canary has had `min_requests`. Before that it is BAD
only on clear evidence: at least ten requests, and an excess of more than three standard errors of
the difference of two binomial shares, sqrt(p(1-p)/n + q(1-q)/m).

A 95th percentile above its limit is BAD when more requests were too slow than chance explains: a
share above 5 % + three binomial standard errors, sqrt(0.05 * 0.95 / n). Until then it is too early
to say; on a busy laptop one garbage collection moves the percentile of fifty requests.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from serving.rollout.observation import Counts
from serving.rollout.policy import Policy

CLEAR = 3.0
EARLIEST = 10
_TAIL = 0.05


class Verdict(StrEnum):
    """What a look at the numbers says; `TOO_FEW` and `NOT_MEASURED` are not about the canary."""

    GOOD = "good"
    BAD = "bad"
    TOO_FEW = "too few"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Guard:
    """One comparison: breached where value > limit. The sentence holds both numbers."""

    name: str
    value: float
    limit: float
    sentence: str
    clear: bool = False
    needed: int = 0

    @property
    def breached(self) -> bool:
        """Say whether the value is above the limit."""
        return self.value > self.limit


@dataclass(frozen=True)
class Judgement:
    """A verdict, what it rests on, and how many more requests of the canary it waits for."""

    verdict: Verdict
    evidence: tuple[Guard, ...] = ()
    needed: int = 0

    @property
    def sentences(self) -> tuple[str, ...]:
        """The evidence as people read it; the breached guards alone where it is bad."""
        breached = tuple(guard.sentence for guard in self.evidence if guard.breached)
        if self.verdict is Verdict.BAD and breached:
            return breached
        return tuple(guard.sentence for guard in self.evidence)


def judge(canary: Counts, stable: Counts, policy: Policy) -> Judgement:
    """Return the verdict on what both revisions did in the same stretch of time."""
    missing = max(policy.min_requests - canary.requests, 0)
    guards = tuple(
        guard
        for guard in (_errors(canary, stable, policy), _latency(canary, stable, policy))
        if guard is not None
    )
    if any(guard.breached and guard.clear for guard in guards):
        return Judgement(Verdict.BAD, guards)
    unsure = max((guard.needed for guard in guards if guard.breached), default=0)
    if missing or unsure:
        return Judgement(Verdict.TOO_FEW, guards, max(missing, unsure))
    return Judgement(Verdict.GOOD, guards)


def _errors(canary: Counts, stable: Counts, policy: Policy) -> Guard:
    value, limit = canary.error_rate, stable.error_rate + policy.max_error_increase
    noise = math.sqrt(_variance(canary) + _variance(stable))
    early = canary.requests >= EARLIEST and value - limit > CLEAR * noise
    sentence = (
        f"error rate {value:.1%} (canary, {canary.requests} requests) {_sign(value, limit)} "
        f"{stable.error_rate:.1%} (stable) + {policy.max_error_increase:.1%}"
    ).replace("%", " %")
    enough = canary.requests >= policy.min_requests
    return Guard("error_rate", value, limit, sentence, clear=early or enough)


def _latency(canary: Counts, stable: Counts, policy: Policy) -> Guard | None:
    """Return None where one of the two had too few requests to compare."""
    if not sum(canary.buckets) or sum(stable.buckets) < EARLIEST:
        return None
    value, base = canary.quantile(1 - _TAIL) * 1e3, stable.quantile(1 - _TAIL) * 1e3
    limit = max(base * policy.max_latency_ratio, base + policy.latency_floor_ms)
    excess = canary.share_above(limit / 1e3) - _TAIL
    needed = math.ceil(CLEAR**2 * _TAIL * (1 - _TAIL) / excess**2) if excess > 0 else 0
    sentence = (
        f"p95 latency {value:.1f} ms (canary, {canary.requests} requests) {_sign(value, limit)} "
        f"{limit:.1f} ms, from {base:.1f} ms (stable)"
    )
    clear = canary.requests >= max(needed, EARLIEST)
    more = max(needed, EARLIEST) - canary.requests
    return Guard("latency_p95_ms", value, limit, sentence, clear, max(more, 0))


def _variance(counts: Counts) -> float:
    rate = counts.error_rate
    return rate * (1 - rate) / counts.requests if counts.requests else 0.0


def _sign(value: float, limit: float) -> str:
    return ">" if value > limit else "≤"
