"""Is the canary as good as the stable revision? Asked at every look, without crying wolf.

Compared are, each by an e-process, so that one may look at any time:

| what                          | tolerated              | formula                      | of alpha |
|-------------------------------|------------------------|------------------------------|----------|
| share of failed answers       | max_error_increase     | `serving.rollout.evidence`   | 72 %     |
| share of slow answers         | 5 points               | `serving.rollout.evidence`   | 12 %     |
| shares of predicted classes   | max_class_shift        | `serving.rollout.drift`      | 4 %      |
| mean confidence               | max_confidence_drop    | `serving.rollout.drift`      | 4 %      |
| the split, against its request| half of the percent    | `maximum.above`, two-sided   | 2 %      |
| disagreement in the shadow    | max_disagreement       | `maximum.above`              | 3 %      |
| failures in the shadow        | max_error_increase     | `maximum.more_failures`      | 3 %      |

Slow is what takes longer than the policy allows of the stable revision's 95th percentile, which is
measured before the canary's first request and then stands; with the 95th percentile just there, 5 %
of the answers are slow, so 5 % more than the stable revision's are tolerated.

BAD: one guard's evidence of harm is stronger than chance gives in its part of alpha of all
rollouts, hence any of them in a part alpha at most (Bonferroni). Fewer than `FEWEST` answers of a
canary never convict: two failures of two are evidence enough for 2 % tolerated (chance: one in
2,500), but only where they are independent, and the first two may be one accident, of a cold cache
or a retried request. GOOD: the evidence rules out, at `alpha`, that the canary fails or is slow
more often than tolerated: it was asked enough to know, not merely not convicted. All must agree on
that, so nothing is shared there.

What is predicted need not be proven for GOOD, only not be convicted: a better version predicts
something else, so its true shift may be near the margin, where a proof takes thousands of answers;
and where the source cannot see predictions nobody could give it. The same holds for the split.

**The split.** The gateway's own is exact; a cluster's is not, for a kept-alive connection may stick
to a revision and proxies learn of a new split one after the other. So requests count as if they
came in runs of twenty that go the same way (a power of 1/20 of the evidence; E[X^f] <= E[X]^f),
2 points or half of the smaller share are tolerated, and a canary that gets all is convicted after
some 150 requests, one that gets 31 % in place of 10 % after some 2,000. As it begins anew at every
step, each has its part of the 2 %.

**The shadow.** Both revisions are asked the same rows, so a row is a pair: GOOD where it is ruled
out at `alpha` that they disagree on more than tolerated, and the canary is not convicted of
failing on rows that the stable revision answers (the live steps prove the rest). Rows may be asked
in chunks, with a look after each. It takes the rows for a sample of what is asked.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from serving.rollout import guards
from serving.rollout.evidence import LEARN, Block, Evidence
from serving.rollout.guards import TAIL, Guard
from serving.rollout.observation import Counts, Shadowed
from serving.rollout.policy import Policy
from serving.rollout.predictions import Predicted


class Verdict(StrEnum):
    """What a look at the numbers says; `TOO_FEW` and `NOT_MEASURED` are not about the canary."""

    GOOD = "good"
    BAD = "bad"
    TOO_FEW = "too few"
    NOT_MEASURED = "not measured"


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
    """All that was gathered on one canary, over all steps; a kilobyte as JSON.

    `slow_s`: from how many seconds on an answer is slow; 0 as long as nothing is known. `p95_s`:
    the newest 95th percentiles of the canary and of the stable revision, for people to read.
    `split`: requests of the canary, and of both, in this step; `percent` was asked for.
    """

    errors: Evidence = field(default_factory=Evidence.none)
    slow: Evidence = field(default_factory=Evidence.none)
    slow_s: float = 0.0
    p95_s: tuple[float, float] = (0.0, 0.0)
    predicted: Predicted = field(default_factory=Predicted)
    split: tuple[int, int] = (0, 0)
    percent: int = 0

    @classmethod
    def against(cls, stable: Counts, policy: Policy) -> Case:
        """Open a case with what the stable revision is known for."""
        slow, slow_s = _known_slow(stable, policy)
        errors = Evidence.knowing(stable.requests, stable.errors)
        return cls(errors, slow, slow_s, predicted=Predicted.knowing(stable))

    def after(self, canary: Counts, stable: Counts, policy: Policy, percent: int) -> Case:
        """Return the case with what both did meanwhile, while the canary had `percent`."""
        weight = percent / 100
        block = Block(canary.requests, canary.errors, stable.requests, stable.errors)
        slow, slow_s = self._slow_after(canary, stable, policy, weight)
        return Case(
            errors=self.errors.after(block, policy.max_error_increase, weight),
            slow=slow,
            slow_s=slow_s,
            p95_s=self._p95_after(canary, stable),
            predicted=self.predicted.after(canary, stable, policy, weight),
            split=(
                self.split[0] + canary.requests,
                self.split[1] + canary.requests + stable.requests,
            ),
            percent=percent,
        )

    def _slow_after(
        self, canary: Counts, stable: Counts, policy: Policy, weight: float
    ) -> tuple[Evidence, float]:
        if not self.slow_s:
            return _known_slow(stable, policy)
        return self.slow.after(_slow(canary, stable, self.slow_s), TAIL, weight), self.slow_s

    def _p95_after(self, canary: Counts, stable: Counts) -> tuple[float, float]:
        if not self.slow_s:
            return self.p95_s
        pairs = zip((canary, stable), self.p95_s, strict=True)
        newest = (c.quantile(1 - TAIL) if sum(c.buckets) else before for c, before in pairs)
        return next(newest), next(newest)

    def afresh(self, policy: Policy) -> Case:
        """Return the case at the beginning of the next step, where something new may show."""
        enough = -math.log(policy.alpha)
        return replace(
            self,
            errors=self.errors.afresh(enough),
            slow=self.slow.afresh(enough),
            predicted=self.predicted.afresh(),
            split=(0, 0),
        )

    @property
    def labels(self) -> tuple[str, ...]:
        """The predicted classes that are told apart."""
        return self.predicted.labels

    def can_learn_from(self, canary: Counts, stable: Counts) -> bool:
        """Say whether these answers would at least double what is known of either revision."""
        stable_doubled = stable.requests >= max(LEARN, self.errors.answers)
        return bool(stable_doubled or self.predicted.can_learn_from(canary))

    def to_json(self) -> dict[str, Any]:
        """Return a short JSON value."""
        return {
            "errors": self.errors.to_json(),
            "slow": self.slow.to_json(),
            "slow_s": self.slow_s,
            "p95_s": list(self.p95_s),
            "predicted": self.predicted.to_json(),
            "split": [*self.split, self.percent],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Case:
        """Return the case that `to_json` wrote; raises KeyError, ValueError or TypeError."""
        errors, slow = (Evidence.from_json(value[name]) for name in ("errors", "slow"))
        canary, stable = value["p95_s"]
        got, whole, percent = map(int, value["split"])
        return cls(
            errors,
            slow,
            float(value["slow_s"]),
            (float(canary), float(stable)),
            Predicted.from_json(value["predicted"]),
            (got, whole),
            percent,
        )


def judge(case: Case, asked: int, policy: Policy) -> Judgement:
    """Return the verdict on a case; `asked`: how many requests the canary had in this step."""
    compared = (
        guards.errors(case.errors, policy),
        *guards.latency(case.slow, case.slow_s, case.p95_s, policy),
        *guards.classes(case.predicted, policy),
        *guards.confidence(case.predicted, policy),
        *guards.split(case.split, case.percent, policy),
    )
    return _verdict(compared, policy.min_requests - asked)


def judge_shadow(shadowed: Shadowed, policy: Policy) -> Judgement:
    """Return the verdict on a shadow so far; `needed` are rows that both answer alike.

    NOT_MEASURED where the stable revision itself did not answer most of the rows.
    """
    failures = guards.shadow_failures(shadowed, policy)
    if 2 * shadowed.stable_failed > shadowed.asked:
        answered = f"{shadowed.asked - shadowed.stable_failed} of {shadowed.asked}"
        sentence = f"the stable revision answered only {answered} mirrored rows"
        return Judgement(Verdict.NOT_MEASURED, (replace(failures, sentence=sentence),))
    return _verdict((failures, *guards.disagreement(shadowed, policy)), 1 - shadowed.asked)


def _verdict(compared: tuple[Guard, ...], missing: int) -> Judgement:
    if any(guard.breached for guard in compared):
        return Judgement(Verdict.BAD, compared)
    needed = max(missing, 0, *(guard.needed for guard in compared))
    return Judgement(Verdict.TOO_FEW if needed else Verdict.GOOD, compared, needed)


def _slow(canary: Counts, stable: Counts, seconds: float) -> Block:
    asked, compared = sum(canary.buckets), sum(stable.buckets)
    return Block(asked, canary.slower(seconds), compared, stable.slower(seconds))


def _known_slow(stable: Counts, policy: Policy) -> tuple[Evidence, float]:
    """Return what is known of the stable revision's slow answers, and from when on one is slow."""
    slow_s = _slow_from(stable, policy)
    if not slow_s:
        return Evidence.none(), 0.0
    return Evidence.knowing(sum(stable.buckets), stable.slower(slow_s)), slow_s


def _slow_from(stable: Counts, policy: Policy) -> float:
    """Return the bound of a bucket from which on an answer is slow; 0 where nothing is known."""
    if sum(stable.buckets) < LEARN:
        return 0.0
    base = stable.quantile(1 - TAIL)
    limit = max(base * policy.max_latency_ratio, base + policy.latency_floor_ms / 1e3)
    return next((b for b in stable.bounds if b >= limit and math.isfinite(b)), 0.0)
