"""Is the canary as good as the stable revision? Asked at every look, without crying wolf.

Two shares are compared (`serving.rollout.evidence` says how, and why one may look at any time):
that of failed answers, and that of slow ones. Slow is what takes longer than the policy allows of
the stable revision's 95th percentile, which is measured before the canary's first request and then
stands; with the 95th percentile just there, 5 % of the answers are slow, so 5 % more than the
stable revision's are tolerated.

BAD: one guard's evidence of harm is stronger than chance gives in a part `alpha` of all rollouts.
The guards share alpha, errors most of it, so that this holds for all of them together. GOOD: every
guard's evidence rules out, at `alpha`, that the canary is worse by the tolerated margin: it was
asked enough to know, not merely not convicted. All must agree on that, so nothing is shared there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from serving.rollout.evidence import LEARN, Block, Evidence
from serving.rollout.observation import Counts
from serving.rollout.policy import Policy

ERRORS_PART = 0.8
"""Of alpha, for the error guard: an error harms more than a slow answer. The rest is latency's."""
SURE = math.log(1e6)
"""Evidence beyond it is told as this much."""
TAIL = 0.05
"""Of the answers: beyond the 95th percentile."""
_ROUNDING = 1e-9


class Verdict(StrEnum):
    """What a look at the numbers says; `TOO_FEW` and `NOT_MEASURED` are not about the canary."""

    GOOD = "good"
    BAD = "bad"
    TOO_FEW = "too few"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Guard:
    """One share, compared.

    `value` and `limit`: the canary's share, and the stable one's + the margin. `harm`: the
    logarithm of the e-value against the canary, breached from `allowed` on. `needed`: how many
    more requests of the canary until it is safe.
    """

    name: str
    value: float
    limit: float
    sentence: str
    harm: float
    allowed: float
    needed: int = 0

    @property
    def breached(self) -> bool:
        """Say whether chance is no explanation any more."""
        return self.harm >= self.allowed


@dataclass(frozen=True)
class Judgement:
    """A verdict, what it rests on, and how many more requests of the canary it waits for."""

    verdict: Verdict
    guards: tuple[Guard, ...] = ()
    needed: int = 0

    @property
    def sentences(self) -> tuple[str, ...]:
        """The evidence as people read it; the breached guards alone where it is bad."""
        breached = tuple(guard.sentence for guard in self.guards if guard.breached)
        if self.verdict is Verdict.BAD and breached:
            return breached
        return tuple(guard.sentence for guard in self.guards)


@dataclass(frozen=True)
class Case:
    """All that was gathered on one canary, over all steps; a few hundred bytes as JSON.

    `slow_s`: from how many seconds on an answer is slow; 0 as long as nothing is known. `p95_s`:
    the newest 95th percentiles of the canary and of the stable revision, for people to read.
    """

    errors: Evidence = field(default_factory=Evidence.none)
    slow: Evidence = field(default_factory=Evidence.none)
    slow_s: float = 0.0
    p95_s: tuple[float, float] = (0.0, 0.0)

    @classmethod
    def against(cls, stable: Counts, policy: Policy) -> Case:
        """Open a case with what the stable revision is known for."""
        slow_s = _slow_from(stable, policy)
        slow = (sum(stable.buckets), stable.slower(slow_s)) if slow_s else (0, 0)
        return cls(
            Evidence.knowing(stable.requests, stable.errors), Evidence.knowing(*slow), slow_s
        )

    def after(self, canary: Counts, stable: Counts, policy: Policy, percent: int) -> Case:
        """Return the case with what both did meanwhile, while the canary had `percent`."""
        weight = percent / 100
        block = Block(canary.requests, canary.errors, stable.requests, stable.errors)
        errors = self.errors.after(block, policy.max_error_increase, weight)
        if not self.slow_s:
            return replace(Case.against(stable, policy), errors=errors)
        slow = self.slow.after(_slow(canary, stable, self.slow_s), TAIL, weight)
        pairs = zip((canary, stable), self.p95_s, strict=True)
        newest = (c.quantile(1 - TAIL) if sum(c.buckets) else before for c, before in pairs)
        return Case(errors, slow, self.slow_s, (next(newest), next(newest)))

    def afresh(self, policy: Policy) -> Case:
        """Return the case at the beginning of the next step, where something new may show."""
        enough = -math.log(policy.alpha)
        return replace(self, errors=self.errors.afresh(enough), slow=self.slow.afresh(enough))

    def can_learn_from(self, stable: Counts) -> bool:
        """Say whether these answers of the stable revision would at least double what is known."""
        return bool(stable.requests >= max(LEARN, self.errors.answers))

    def to_json(self) -> dict[str, Any]:
        """Return a short JSON value."""
        return {
            "errors": self.errors.to_json(),
            "slow": self.slow.to_json(),
            "slow_s": self.slow_s,
            "p95_s": list(self.p95_s),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Case:
        """Return the case that `to_json` wrote; raises KeyError, ValueError or TypeError."""
        errors, slow = (Evidence.from_json(value[name]) for name in ("errors", "slow"))
        canary, stable = value["p95_s"]
        return cls(errors, slow, float(value["slow_s"]), (float(canary), float(stable)))


def judge(case: Case, asked: int, policy: Policy) -> Judgement:
    """Return the verdict on a case; `asked`: how many requests the canary had in this step."""
    guards = (_errors(case, policy), *_latency(case, policy))
    missing = max(policy.min_requests - asked, 0)
    if any(guard.breached for guard in guards):
        return Judgement(Verdict.BAD, guards)
    needed = max(missing, *(guard.needed for guard in guards))
    return Judgement(Verdict.TOO_FEW if needed else Verdict.GOOD, guards, needed)


def _errors(case: Case, policy: Policy) -> Guard:
    margin, allowed = policy.max_error_increase, policy.alpha * ERRORS_PART
    return _guard("error rate", case.errors, margin, policy.alpha, allowed)


def _latency(case: Case, policy: Policy) -> tuple[Guard, ...]:
    """Return nothing where the source counts no latencies, or all are within its last bound."""
    if not case.slow_s:
        return ()
    name, allowed = f"slower than {case.slow_s * 1e3:.3g} ms:", policy.alpha * (1 - ERRORS_PART)
    guard = _guard(name, case.slow, TAIL, policy.alpha, allowed)
    if not all(case.p95_s):
        return (guard,)
    canary, stable = (f"{seconds * 1e3:.1f} ms" for seconds in case.p95_s)
    return (replace(guard, sentence=f"{guard.sentence}; p95 {canary} against {stable}"),)


def _guard(name: str, evidence: Evidence, margin: float, alpha: float, allowed: float) -> Guard:
    canary, stable = evidence.shares
    harm, safety = float(evidence.against), float(evidence.in_favour)
    sentence = (
        f"{name} {canary:.1%} (canary, {int(evidence.seen.canary)} requests) against "
        f"{stable:.1%} (stable) + {margin:.1%}"
    ).replace("%", " %")
    if harm >= -math.log(allowed):
        rarely = math.exp(min(harm, SURE))
        sentence += f"; chance does that in one of {rarely:,.0f} rollouts at most"
    needed = _needed(evidence, -math.log(alpha) - safety, margin)
    return Guard(name, canary, stable + margin, sentence, harm, -math.log(allowed), needed)


def _needed(evidence: Evidence, missing: float, margin: float) -> int:
    """Return how many requests until the evidence of safety is enough, if both are alike."""
    return math.ceil(missing / evidence.pace(margin)) if missing > _ROUNDING else 0


def _slow(canary: Counts, stable: Counts, seconds: float) -> Block:
    asked, compared = sum(canary.buckets), sum(stable.buckets)
    return Block(asked, canary.slower(seconds), compared, stable.slower(seconds))


def _slow_from(stable: Counts, policy: Policy) -> float:
    """Return the bound of a bucket from which on an answer is slow; 0 where nothing is known."""
    if sum(stable.buckets) < LEARN:
        return 0.0
    base = stable.quantile(1 - TAIL)
    limit = max(base * policy.max_latency_ratio, base + policy.latency_floor_ms / 1e3)
    return next((b for b in stable.bounds if b >= limit and math.isfinite(b)), 0.0)
