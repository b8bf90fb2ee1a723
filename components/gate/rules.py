"""The gate: scores and a policy in, a decision with its reasons out.

Every check must be passed. What could not be measured is never passed: no number, no promotion.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from components.evaluation import ChampionScores, Evaluation
from components.metrics import LOWER_IS_BETTER, METRICS
from components.nearest import instead

ROUNDING = 1e-9
"""0.96 - 0.01 is not quite 0.95: a difference below this part of the limit is no difference."""

LEAST_SHOWN = 1e-3

REMEDY = "to go on without a comparison, set gate.champion.metric to an empty text."


@dataclass(frozen=True)
class GatePolicy:
    """What a candidate must reach; an empty `champion_metric` switches the comparison off.

    `floor`: the lowest value of a metric (of losses and errors the highest). `champion_margin`: how
    much worse than the champion is still accepted, in the metric's own unit.
    """

    floor: Mapping[str, float]
    champion_metric: str = "accuracy"
    champion_margin: float = 0.0


@dataclass(frozen=True)
class Check:
    """One question, its numbers and its answer as a sentence."""

    name: str
    metric: str
    value: float | None
    limit: float | None
    passed: bool
    sentence: str


@dataclass(frozen=True)
class Verdict:
    """All checks of one candidate."""

    checks: tuple[Check, ...]

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
        return {"promote": self.promote, "reasons": self.reasons, "checks": checks}


def judge(evaluation: Evaluation, policy: GatePolicy) -> Verdict:
    """Return the verdict on the candidate."""
    floors = [_floor(metric, limit, evaluation.candidate) for metric, limit in policy.floor.items()]
    return Verdict((*floors, _against_champion(evaluation, policy)))


def _floor(metric: str, limit: float, scores: Mapping[str, float]) -> Check:
    if metric not in METRICS:
        return _unknown("floor", metric)
    value = _number(scores.get(metric))
    word = "at most" if metric in LOWER_IS_BETTER else "at least"
    if value is None:
        sentence = (
            f"{metric} could not be measured on the test rows; {word} {_shown(limit)} is asked."
        )
        return Check("floor", metric, None, _number(limit), False, sentence)
    passed = value <= limit if metric in LOWER_IS_BETTER else value >= limit
    verb = "is" if passed else "should be"
    sentence = f"{metric} {_shown(value)} {verb} {word} {_shown(limit)}."
    return Check("floor", metric, value, _number(limit), passed, sentence)


def _against_champion(evaluation: Evaluation, policy: GatePolicy) -> Check:
    metric, champion = policy.champion_metric, evaluation.champion
    if not metric:
        return _passed(metric, "The comparison with the champion is switched off.")
    if metric not in METRICS:
        return _unknown("champion", metric)
    if champion is None:
        return _passed(metric, "There is no champion yet to compare with.")
    return _compared(evaluation.candidate, champion, policy)


def _compared(
    candidate: Mapping[str, float], champion: ChampionScores, policy: GatePolicy
) -> Check:
    metric, margin = policy.champion_metric, policy.champion_margin
    value, theirs = _number(candidate.get(metric)), _number((champion.metrics or {}).get(metric))
    if theirs is None:
        return _failed(metric, value, _unscored(champion, metric))
    if value is None or not math.isfinite(margin):
        return _failed(metric, value, f"{metric} of the candidate could not be compared; {REMEDY}")
    down = metric in LOWER_IS_BETTER
    limit = theirs + margin if down else theirs - margin
    worse = value - limit if down else limit - value
    passed = worse <= ROUNDING * abs(limit)
    sentence = _comparison(policy, (value, theirs), champion.version, passed)
    return Check("champion", metric, value, limit, passed, sentence)


def _comparison(policy: GatePolicy, values: tuple[float, float], version: str, passed: bool) -> str:
    metric, margin = policy.champion_metric, policy.champion_margin
    value, theirs = map(_shown, values)
    allowed = f" by more than {_shown(margin)}" if margin else ""
    word = "not worse" if passed else "worse"
    return (
        f"{metric} {value} is {word} than the champion's {theirs} (version {version}){allowed}, "
        "on the same test rows."
    )


def _unscored(champion: ChampionScores, metric: str) -> str:
    reason = (champion.error or f"it has no {metric} on these test rows").rstrip(".")
    return f"The champion, version {champion.version}, could not be scored: {reason}; {REMEDY}"


def _unknown(name: str, metric: str) -> Check:
    sentence = f"There is no metric {metric!r}; {instead(metric, METRICS)}."
    return Check(name, metric, None, None, False, sentence)


def _passed(metric: str, sentence: str) -> Check:
    return Check("champion", metric, None, None, True, sentence)


def _failed(metric: str, value: float | None, sentence: str) -> Check:
    return Check("champion", metric, value, None, False, sentence)


def _number(value: float | None) -> float | None:
    """Return a number that can be compared; NaN and infinity are none."""
    return None if value is None or not math.isfinite(value) else float(value)


def _shown(value: float) -> str:
    if not math.isfinite(value):
        return str(value)
    if 0 < abs(value) < LEAST_SHOWN:  # an error in a unit that makes it small
        return f"{value:.4g}"
    return f"{value:.4f}".rstrip("0").rstrip(".")


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
    return "–" if value is None else _shown(value)
