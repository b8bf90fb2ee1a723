"""The gate: scores and a policy in, a decision with its reasons out.

Every check must be passed. What could not be measured is never passed: no number, no promotion.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from components.decision import CHAMPION
from components.evaluation import ChampionScores, Evaluation
from components.gate import live, wording
from components.gate.comparison import Finding, Outcome
from components.gate.evidence import NOTHING, Evidence, Guarded
from components.gate.policy import ChampionPolicy, GatePolicy
from components.gate.wording import shown
from components.metrics import LOWER_IS_BETTER, METRICS
from components.nearest import instead

REMEDY = "to go on without a comparison, set gate.champion.metric to an empty text."


@dataclass(frozen=True)
class Check:
    """One question, its numbers and its answer as a sentence.

    `finding`: what the rows say, where they were asked.
    """

    name: str
    metric: str
    value: float | None
    limit: float | None
    passed: bool
    sentence: str
    finding: Finding | None = None


@dataclass(frozen=True)
class Verdict:
    """All checks of one candidate."""

    checks: tuple[Check, ...]
    policy: GatePolicy

    @property
    def promote(self) -> bool:
        """Whether the candidate may be registered."""
        return all(check.passed for check in self.checks)

    @property
    def reasons(self) -> list[str]:
        """The sentences, those that speak against the candidate first."""
        ordered = sorted(self.checks, key=lambda check: check.passed)
        return [check.sentence for check in ordered]

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object (a dict), as `decision.json` holds it."""
        checks = [asdict(check) for check in self.checks]
        return {
            "promote": self.promote,
            "reasons": self.reasons,
            "checks": checks,
            "policy": self.policy.to_json(),
        }


def judge(evaluation: Evaluation, policy: GatePolicy, found: Evidence = NOTHING) -> Verdict:
    """Return the verdict on the candidate; `found` is what its rows and the champion's say."""
    floors = [_floor(metric, limit, evaluation.candidate) for metric, limit in policy.floor.items()]
    champion = _against_champion(evaluation, policy.champion, found.champion)
    parts = [_guarded(part, policy.champion) for part in found.parts]
    return Verdict((*floors, champion, *parts, *_live(evaluation, policy.champion)), policy)


def with_checks(verdict: Verdict, guarded: Iterable[Any]) -> Verdict:
    """Return the verdict with the checks of the guards on serving as well."""
    added = (Check(**asdict(check)) for check in guarded)
    return replace(verdict, checks=(*verdict.checks, *added))


def _floor(metric: str, limit: float, scores: Mapping[str, float]) -> Check:
    if metric not in METRICS:
        return _unknown("floor", metric)
    value = _number(scores.get(metric))
    word = "at most" if metric in LOWER_IS_BETTER else "at least"
    if value is None:
        sentence = (
            f"{metric} could not be measured on the test rows; {word} {shown(limit)} is asked."
        )
        return Check("floor", metric, None, _number(limit), False, sentence)
    passed = value <= limit if metric in LOWER_IS_BETTER else value >= limit
    verb = "is" if passed else "should be"
    sentence = f"{metric} {shown(value)} {verb} {word} {shown(limit)}."
    return Check("floor", metric, value, _number(limit), passed, sentence)


def _against_champion(
    evaluation: Evaluation, policy: ChampionPolicy, found: Finding | None
) -> Check:
    metric, champion = policy.metric, evaluation.champion
    if not metric:
        return _passed(metric, "The comparison with the champion is switched off.")
    if metric not in METRICS:
        return _unknown(CHAMPION, metric)
    if champion is None:
        return _passed(metric, "There is no champion yet to compare with.")
    return _compared(evaluation.candidate, champion, policy, found)


def _live(evaluation: Evaluation, policy: ChampionPolicy) -> Iterator[Check]:
    told = live.told(evaluation.champion, policy.metric) if evaluation.champion else None
    if told:
        metric, value, sentence = told
        yield Check("live", metric, value, None, True, sentence)


def _compared(
    candidate: Mapping[str, float],
    champion: ChampionScores,
    policy: ChampionPolicy,
    found: Finding | None,
) -> Check:
    metric, margin = policy.metric, policy.margin
    value, theirs = _number(candidate.get(metric)), _number((champion.metrics or {}).get(metric))
    if theirs is None:
        return _failed(metric, value, _unscored(champion, metric))
    if value is None or not math.isfinite(margin):
        return _failed(metric, value, f"{metric} of the candidate could not be compared; {REMEDY}")
    passed = _decided(policy, (value, theirs), found)
    pair = (value, theirs)
    sentence = f"{wording.comparison(policy, pair, champion.version)} {_why(policy, found)}"
    limit = policy.limit(theirs)
    return Check(CHAMPION, metric, value, limit, passed, sentence.rstrip(), found)


def _decided(policy: ChampionPolicy, values: tuple[float, float], found: Finding | None) -> bool:
    """Return whether the candidate passes; what cannot be told is decided as the policy says."""
    if found is not None and not wording.open_question(policy, found):
        return found.outcome is not Outcome.WORSE
    if policy.on_cannot_tell == "measured":
        return policy.is_reached(*values)
    return policy.on_cannot_tell == "accept"


def _why(policy: ChampionPolicy, found: Finding | None) -> str:
    return "" if found is None else wording.evidence(policy, found)


def _guarded(part: Guarded, policy: ChampionPolicy) -> Check:
    """Return the check of one part of the rows; only a harm that is shown, or none, is told."""
    metric, found = part.guard.metric, part.finding
    name = f"{part.guard.column} = {part.value}" if part.value else part.guard.column
    if part.problem or found is None:
        sentence = part.problem or f"{name}: {metric} could not be measured."
        return Check(name, metric, part.measured, part.guard.floor, part.passed, sentence)
    unsure = found.outcome is Outcome.CANNOT_TELL
    passed = policy.on_cannot_tell != "reject" if unsure else found.outcome is not Outcome.WORSE
    sentence = wording.part(part, found, policy)
    return Check(name, metric, part.measured, part.guard.floor, passed, sentence, found)


def _unscored(champion: ChampionScores, metric: str) -> str:
    reason = (champion.error or f"it has no {metric} on these test rows").rstrip(".")
    return f"The champion, version {champion.version}, could not be scored: {reason}; {REMEDY}"


def _unknown(name: str, metric: str) -> Check:
    sentence = f"There is no metric {metric!r}; {instead(metric, METRICS)}."
    return Check(name, metric, None, None, False, sentence)


def _passed(metric: str, sentence: str) -> Check:
    return Check(CHAMPION, metric, None, None, True, sentence)


def _failed(metric: str, value: float | None, sentence: str) -> Check:
    return Check(CHAMPION, metric, value, None, False, sentence)


def _number(value: float | None) -> float | None:
    """Return a number that can be compared; NaN and infinity are none."""
    return None if value is None or not math.isfinite(value) else float(value)


def markdown(verdict: Verdict) -> str:
    """Return the decision for a person: one line, a table of checks, the reasons."""
    word = "passed" if verdict.promote else "rejected"
    rows = [
        f"| {check.name} | {check.metric or '–'} | {_cell(check.value)} | {_cell(check.limit)} "
        f"| {'yes' if check.passed else '**no**'} |"
        for check in verdict.checks
    ]
    return "\n".join(
        [
            f"**The gate {word} this candidate.**",
            "",
            "| check | metric | candidate | limit | passed |",
            "|-|-|-:|-:|-|",
            *rows,
            "",
            *(f"- {reason}" for reason in verdict.reasons),
            "",
        ]
    )


def _cell(value: float | None) -> str:
    return "–" if value is None else shown(value)
