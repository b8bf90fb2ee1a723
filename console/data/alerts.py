"""Alerts as their page shows them: what is wrong, who is told, what is silent, the rules."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from pipelines.alerts import chosen, outbox, receivers, silencing, trying
from pipelines.alerts.deciding import FIRING, PENDING, SILENT, Before, Condition, Silence
from pipelines.alerts.outbox import Delivery, Outbox
from pipelines.alerts.outbox import Standing as Receiver
from pipelines.alerts.rule import Rule
from pipelines.alerts.silencing import Quiet
from pipelines.alerts.table import BY_NAME
from serving.errors import KanaryaError
from serving.settings import Settings

T = TypeVar("T")
SHOWN = 50
"""Of the deliveries, so many."""
_FIRST = {FIRING: 0, PENDING: 1, SILENT: 2}
_WORST = {"critical": 0, "warning": 1, "info": 2}


@dataclass(frozen=True)
class Wrong:
    """A rule that holds of a subject: firing, pending (told once it has lasted) or silent.

    `severity`: critical, warning or info; `since`: seconds since 1970.
    """

    rule: str
    subject: str
    severity: str
    state: str
    since: float
    sentence: str


@dataclass(frozen=True)
class Told:
    """Somebody who is told: how it is with them; `configured`: they still are told."""

    receiver: Receiver
    configured: bool = True

    @property
    def state(self) -> str:
        """Return failing, waiting, gone or well."""
        if self.receiver.failures:
            return "failing"
        if not self.configured:
            return "gone"
        return "waiting" if self.receiver.waiting else "well"


@dataclass(frozen=True)
class Standing:
    """The alerts at one moment; `troubles`: what of them cannot be read, and why.

    `looked`: whether anybody has looked at the rules yet.
    """

    looked: bool = False
    wrong: tuple[Wrong, ...] = ()
    silences: tuple[Silence, ...] = ()
    told: tuple[Told, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    rules: tuple[Rule, ...] = ()
    troubles: tuple[str, ...] = ()

    def count(self, state: str) -> int:
        """Return how many are firing, pending or silent."""
        return sum(each.state == state for each in self.wrong)

    @property
    def waiting(self) -> int:
        """Return how many deliveries wait."""
        return sum(each.receiver.waiting for each in self.told)


@dataclass(frozen=True)
class Alerts:
    """The alerts of one home, for threads."""

    settings: Settings

    def standing(self) -> Standing:
        """Return how it is now; what cannot be read is a sentence of it. Looking makes nothing."""
        rules, of_rules = _tried(lambda: chosen.rules(self.settings), dict(BY_NAME))
        nobody: tuple[str, ...] = ()
        named, of_names = _tried(_named, nobody)
        found, of_outbox = _tried(lambda: self._read(rules, named), Standing(told=_new(named)))
        troubles = tuple(filter(None, (of_outbox, of_rules, of_names)))
        return replace(found, rules=tuple(rules.values()), troubles=troubles)

    def silence(self, asked: Quiet, who: str) -> Silence:
        """Tell nobody for a while. Raises UsageError and AlertError (`silencing.silence`)."""
        return silencing.silence(self.settings, asked, who, time.time())

    def try_out(self) -> dict[str, str]:
        """Send a test to everybody; return what went wrong by name, "" where nothing did.

        Raises UsageError where nobody is told.
        """
        return trying.tried()

    def _read(self, rules: Mapping[str, Rule], named: tuple[str, ...]) -> Standing:
        if not outbox.path(self.settings).is_file():
            return Standing(told=_new(named))
        with outbox.opened(self.settings) as opened:
            return _standing(opened, rules, named, time.time())


def _standing(
    opened: Outbox, rules: Mapping[str, Rule], named: tuple[str, ...], now: float
) -> Standing:
    before, known = opened.before(), opened.standings()
    asked = {each.name for each in known}
    return Standing(
        looked=True,
        wrong=_wrong(before, rules, now),
        silences=tuple(each for each in before.silences if each.until > now),
        told=(
            *(Told(each, each.name in named) for each in known),
            *_new(tuple(name for name in named if name not in asked)),
        ),
        deliveries=tuple(opened.deliveries(SHOWN)),
    )


def _wrong(before: Before, rules: Mapping[str, Rule], now: float) -> tuple[Wrong, ...]:
    """Return the conditions, the most urgent first, of those the one that began last."""
    found = [_shown(each, rules, before.state(each, now)) for each in before.conditions]
    order = {each: (_FIRST[each.state], _WORST.get(each.severity, 3)) for each in found}
    return tuple(sorted(found, key=lambda each: (*order[each], -each.since)))


def _shown(condition: Condition, rules: Mapping[str, Rule], state: str) -> Wrong:
    rule, about = condition.key
    severity = rules[rule].severity.value if rule in rules else ""
    return Wrong(rule, about, severity, state, condition.since, condition.sentence)


def _new(names: tuple[str, ...]) -> tuple[Told, ...]:
    """Return those who were never told anything yet."""
    return tuple(Told(Receiver(name)) for name in names)


def _named() -> tuple[str, ...]:
    return tuple(each.name for each in receivers.configured())


def _tried(read: Callable[[], T], otherwise: T) -> tuple[T, str]:
    """Return what there is to read and "", else the other value and why."""
    try:
        return read(), ""
    except (KanaryaError, OSError) as error:
        return otherwise, str(error)
