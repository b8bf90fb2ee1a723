"""The guards of a rollout: each compares one thing and says it as a sentence.

A part of alpha is each one's own, so that all of them together convict by chance no more often
than alpha says (Bonferroni; errors have most of it, since an error harms most). The parts of what
cannot be seen, and of a shadow that was not asked for, are not used.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from serving.rollout.evidence import Evidence
from serving.rollout.maximum import above, more_failures, outside, rows_until_below
from serving.rollout.observation import Shadowed
from serving.rollout.policy import Policy
from serving.rollout.predictions import Predicted

ERRORS_PART, LATENCY_PART = 0.72, 0.12
CLASSES_PART, CONFIDENCE_PART = 0.04, 0.04
SPLIT_PART = 0.02
DISAGREEMENT_PART, SHADOW_FAILURES_PART = 0.03, 0.03
TAIL = 0.05
"""Of the answers: beyond the 95th percentile."""
FEWEST = 5
"""Answers of the canary before it is convicted by them: its first two may be one accident."""
SURE = math.log(1e6)
"""Evidence beyond it is told as this much."""
RUN = 20
"""Requests that may go the same way together, and count as one in the split."""
UNPROVEN = (
    "; more than tolerated, but so few answers may do that by chance, so it does not count against "
    "the canary"
)
SPLIT_POINTS, SPLIT_RATIO = 0.02, 0.5
"""By how much the split may be off: points, or a part of the smaller share, whichever is more."""
TOLD_EXAMPLES, LONGEST_EXAMPLE = 3, 80
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Guard:
    """One thing, compared.

    `value` and `limit`: what the canary has, and the most that is tolerated. `harm`: the logarithm
    of the e-value against the canary, breached from `allowed` on. `needed`: how many more requests
    of the canary until it is safe; 0 where a guard only convicts. `safety`: the logarithm of the
    e-value in its favour; None there.
    """

    name: str
    value: float
    limit: float
    sentence: str
    harm: float
    allowed: float
    needed: int = 0
    safety: float | None = None

    @property
    def breached(self) -> bool:
        """Say whether chance is no explanation any more."""
        return self.harm >= self.allowed

    @classmethod
    def of(
        cls, name: str, pair: tuple[float, float], sentence: str, harm: float, part: float
    ) -> Guard:
        """Return the guard, whose sentence says how rare that is where chance does not explain it.

        `pair`: value and limit. `part`: the probability by which chance may breach it.
        """
        allowed = -math.log(part)
        if harm >= allowed:
            rarely = math.exp(min(harm, SURE))
            sentence += f"; chance does that in one of {rarely:,.0f} rollouts at most"
        return cls(name, *pair, sentence, harm, allowed)

    def or_unproven(self, *, beyond: bool) -> Guard:
        """Return the guard, its sentence saying so where it is beyond its limit, yet not breached.

        Else it reads as if a rollout had passed what is not tolerated.
        """
        if self.breached or not beyond:
            return self
        return replace(self, sentence=self.sentence + UNPROVEN)


def errors(evidence: Evidence, policy: Policy) -> Guard:
    """Compare the shares of failed answers."""
    part = policy.alpha * ERRORS_PART
    return _share("error rate", evidence, policy.max_error_increase, policy.alpha, part)


def latency(
    evidence: Evidence, slow_s: float, p95_s: tuple[float, float], policy: Policy
) -> tuple[Guard, ...]:
    """Compare the shares of slow answers; nothing where it is not known what is slow."""
    if not slow_s:
        return ()
    name, part = f"slower than {slow_s * 1e3:.3g} ms:", policy.alpha * LATENCY_PART
    guard = _share(name, evidence, TAIL, policy.alpha, part)
    if not all(p95_s):
        return (guard,)
    canary, stable = (f"{seconds * 1e3:.1f} ms" for seconds in p95_s)
    return (replace(guard, sentence=f"{guard.sentence}; p95 {canary} against {stable}"),)


def _share(name: str, evidence: Evidence, margin: float, alpha: float, part: float) -> Guard:
    canary, stable = evidence.shares
    asked = int(evidence.seen.canary)
    ours, theirs = _percent(canary), f"{_percent(stable)} (stable) + {_percent(margin)}"
    told = f"{name} {ours} (canary, {asked} requests) against {theirs}"
    harm = float(evidence.against) if asked >= FEWEST else 0.0
    guard = Guard.of(name, (canary, stable + margin), told, harm, part)
    safety = float(evidence.in_favour)
    needed = max(_needed(evidence, -math.log(alpha) - safety, margin), FEWEST - asked)
    return replace(guard, needed=needed, safety=safety)


def _needed(evidence: Evidence, missing: float, margin: float) -> int:
    """Return how many requests until the evidence of safety is enough, if both are alike."""
    return math.ceil(missing / evidence.pace(margin)) if missing > _ROUNDING else 0


def classes(seen: Predicted, policy: Policy) -> tuple[Guard, ...]:
    """Compare the shares of the predicted classes; nothing where the source cannot see them."""
    margin, drift = policy.max_class_shift, seen.classes
    if not drift.answers:
        return ()
    distance = float(drift.distance)
    label, canary, stable = seen.most_shifted()
    told = (
        f"predicted classes differ by {_percent(distance)} (canary, {drift.answers:.0f} answers), "
        f"{_percent(margin)} are tolerated; {label}: {_percent(canary)} against {_percent(stable)}"
    )
    part = policy.alpha * CLASSES_PART
    guard = Guard.of("class shift", (distance, margin), told, float(drift.against), part)
    return (guard.or_unproven(beyond=distance > margin),)


def confidence(seen: Predicted, policy: Policy) -> tuple[Guard, ...]:
    """Compare the mean confidences; nothing where the source cannot see them."""
    margin, drift = policy.max_confidence_drop, seen.confidence
    if not drift.answers:
        return ()
    canary, stable = seen.mean_confidences
    told = (
        f"mean confidence {canary:.2f} (canary, {drift.answers:.0f} answers) against "
        f"{stable:.2f} (stable) - {margin:.2f}"
    )
    pair, part = (stable - canary, margin), policy.alpha * CONFIDENCE_PART
    guard = Guard.of("confidence drop", pair, told, float(drift.against), part)
    return (guard.or_unproven(beyond=stable - canary > margin),)


def split(measured: tuple[int, int], percent: int, policy: Policy) -> tuple[Guard, ...]:
    """Compare the canary's share of a step's requests with the percent that was asked for."""
    canary, whole = measured
    if not whole:
        return ()
    asked, share = percent / 100, canary / whole
    told = f"the canary got {100 * share:.3g} % of the requests, {percent} % were asked for"
    part = policy.alpha * SPLIT_PART / len(policy.steps)
    least, most = tolerated_split(asked)
    harm = float(outside(whole / RUN, canary / RUN, least, most))
    guard = Guard.of("split", (share, asked), told, harm, part)
    return (guard.or_unproven(beyond=not least <= share <= most),)


def tolerated_split(asked: float) -> tuple[float, float]:
    """Return the least and the greatest share that the canary may get where one was asked for."""
    off = max(SPLIT_POINTS, SPLIT_RATIO * min(asked, 1 - asked))
    return asked - off, asked + off


def disagreement(shadowed: Shadowed, policy: Policy) -> tuple[Guard, ...]:
    """Compare the share of rows with another label with what is allowed; 1 allows all."""
    maximum, rows, differ = policy.max_disagreement, shadowed.rows, shadowed.differ
    if maximum >= 1:
        return ()
    share = differ / max(rows, 1)
    found, allowed = _percent(share), _percent(maximum)
    told = f"{found} of {rows} mirrored rows got another label, {allowed} are allowed"
    part, harm = policy.alpha * DISAGREEMENT_PART, float(above(rows, differ, maximum))
    guard = Guard.of("disagreement", (share, maximum), told, harm, part)
    needed = rows_until_below(rows, differ, maximum, -math.log(policy.alpha))
    told_whole = guard.or_unproven(beyond=share > maximum)
    return (_exemplified(replace(told_whole, needed=needed), shadowed),)


def shadow_failures(shadowed: Shadowed, policy: Policy) -> Guard:
    """Compare how often each revision alone failed on the same rows."""
    asked, margin = shadowed.asked, policy.max_error_increase
    ours = asked - shadowed.rows - shadowed.stable_failed
    theirs = asked - shadowed.rows - shadowed.canary_failed
    share, usual = (failed / max(asked, 1) for failed in (ours, theirs))
    told = (
        f"of {asked} mirrored rows the canary alone failed on {ours}, the stable revision alone "
        f"on {theirs}, {_percent(margin)} more are tolerated"
    )
    harm = float(more_failures(asked, ours, theirs, margin))
    part = policy.alpha * SHADOW_FAILURES_PART
    guard = Guard.of("shadow failures", (share, usual + margin), told, harm, part)
    return _exemplified(guard.or_unproven(beyond=share > usual + margin), shadowed)


def _exemplified(guard: Guard, shadowed: Shadowed) -> Guard:
    if not guard.breached:
        return guard
    few = [example[:LONGEST_EXAMPLE] for example in shadowed.examples[:TOLD_EXAMPLES]]
    return replace(guard, sentence="; ".join([guard.sentence, *few]))


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
