"""From what was measured to who is told: conditions that begin, last and end. Pure.

A rule that holds of a subject is a condition. It fires once it has held for the rule's time, and
is over once it has not held for `CALM_S`, so that what comes and goes is one alert, not ten. What
could not be measured leaves a condition as it is: that nobody can tell is not that it is well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from pipelines.alerts.alert import Alert, alert, identity, subject
from pipelines.alerts.rule import Rule, Severity
from pipelines.alerts.units import duration

CALM_S = 300.0
GAP_S = 900.0
"""What was not looked at for so long is not known to have lasted."""
REMIND_S = 86_400.0
FIRING, OVER = "firing", "over"
PENDING, SILENT = "pending", "silent"
"""Of a condition that has not lasted long enough yet, and of one of which nobody is told."""


@dataclass(frozen=True)
class Measured:
    """The value of a signal for a subject; `detail`: a sentence on what is behind it."""

    signal: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)
    detail: str = ""


@dataclass(frozen=True)
class Unknown:
    """A signal that could not be measured, of one subject or (without labels) of all."""

    signal: str
    why: str
    labels: Mapping[str, str] = field(default_factory=dict)

    def covers(self, signal: str, labels: Mapping[str, str]) -> bool:
        """Say whether nothing is known of this subject."""
        return self.signal == signal and self.labels.items() <= labels.items()


@dataclass(frozen=True)
class Condition:
    """A rule that holds of a subject: since when, when that was last seen, when somebody was told.

    Times are seconds since 1970; `told` is 0 until it fires.
    """

    rule: str
    labels: Mapping[str, str]
    since: float
    seen: float
    sentence: str
    told: float = 0.0

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from other conditions."""
        return self.rule, subject(self.labels)


@dataclass(frozen=True)
class Silence:
    """Nobody is told of a rule ("" of all), of one subject or ("") of all, `until` a moment.

    `who` wanted it so; "" where that was not kept yet.
    """

    rule: str
    subject: str
    until: float
    why: str = ""
    who: str = ""

    def covers(self, rule: str, about: str, now: float) -> bool:
        """Say whether nobody is to be told now."""
        return now < self.until and self.rule in ("", rule) and self.subject in ("", about)


@dataclass(frozen=True)
class Before:
    """What was known before this look."""

    conditions: Sequence[Condition] = ()
    silences: Sequence[Silence] = ()

    def state(self, condition: Condition, at: float) -> str:
        """Return firing, pending or silent: what a condition is at a moment."""
        if _silent(self, condition, at):
            return SILENT
        return FIRING if condition.told else PENDING


@dataclass(frozen=True)
class Decided:
    """The conditions from now on, and what is to be told."""

    conditions: tuple[Condition, ...]
    alerts: tuple[Alert, ...]


def decide(
    rules: Mapping[str, Rule],
    found: Iterable[Measured | Unknown],
    before: Before,
    now: datetime,
) -> Decided:
    """Return what follows of a look at the moment `now`."""
    at = now.timestamp()
    found = tuple(found)
    unknown = [each for each in found if isinstance(each, Unknown)]
    known = {each.key: each for each in before.conditions if each.rule in rules}
    holding = _holding(rules, found, known, at)
    left = [each for key, each in known.items() if key not in holding]
    stay = [each for each in left if not _may_end(rules[each.rule], each, unknown, at)]
    ended = [each for each in left if each not in stay and each.told]
    fired = {key: _told(rules[each.rule], each, before, at) for key, each in holding.items()}
    told = [
        _alert(rules[e.rule], e, now) for key, e in fired.items() if e.told != holding[key].told
    ]
    over = [_over(each, now) for each in ended if not _silent(before, each, at)]
    return Decided((*fired.values(), *stay), (*told, *over))


def _holding(
    rules: Mapping[str, Rule],
    found: Iterable[Measured | Unknown],
    known: Mapping[tuple[str, str], Condition],
    at: float,
) -> dict[tuple[str, str], Condition]:
    by_signal: dict[str, list[Rule]] = {}
    for rule in rules.values():
        by_signal.setdefault(rule.signal.name, []).append(rule)
    holding = [
        _held(rule, each, known.get((rule.name, subject(each.labels))), at)
        for each in found
        if isinstance(each, Measured)
        for rule in by_signal.get(each.signal, ())
        if rule.holds(each.value)
    ]
    return {each.key: each for each in holding}


def _held(rule: Rule, found: Measured, before: Condition | None, at: float) -> Condition:
    """Return a condition that holds now; a clock that went back begins it anew, and so does a gap.

    One that fired stays one through a gap: it is told once.
    """
    sentence = rule.sentence(found.value, found.labels, found.detail)
    if before is None or before.since > at or (not before.told and at - before.seen > GAP_S):
        return Condition(rule.name, found.labels, at, at, sentence)
    return replace(before, seen=at, sentence=sentence)


def _may_end(rule: Rule, condition: Condition, unknown: Iterable[Unknown], at: float) -> bool:
    if any(each.covers(rule.signal.name, condition.labels) for each in unknown):
        return False
    return not condition.told or not 0 <= at - condition.seen < CALM_S


def _told(rule: Rule, condition: Condition, before: Before, at: float) -> Condition:
    """Return the condition, told of where it is time to: when it fires, then once a day."""
    due = at - condition.since >= rule.for_s
    if condition.told:
        due = at - condition.told >= REMIND_S
    return replace(condition, told=at) if due and not _silent(before, condition, at) else condition


def _silent(before: Before, condition: Condition, at: float) -> bool:
    rule, about = condition.key
    return any(each.covers(rule, about, at) for each in before.silences)


def _alert(rule: Rule, condition: Condition, now: datetime) -> Alert:
    labels = {**condition.labels}
    made = alert(rule.name, rule.severity, labels, condition.sentence, now)
    began = datetime.fromtimestamp(condition.since, UTC)
    known = identity(rule.name, made.subject, began)
    days = round((now.timestamp() - condition.since) // REMIND_S)
    named = f"{known}/day-{days}" if days else known
    return replace(made, id=named, labels={**labels, "state": FIRING})


def _over(condition: Condition, now: datetime) -> Alert:
    lasted = duration(max(condition.seen - condition.since, 0.0))
    sentence = f"It is over after {lasted}: {condition.sentence}"
    made = alert(condition.rule, Severity.INFO, condition.labels, sentence, now)
    return replace(made, id=f"{made.id}/over", labels={**condition.labels, "state": OVER})
