"""The tables of the page of alerts: what is wrong, silences, who is told, what, and the rules."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from typing import TypeVar

from nicegui import ui

from console.data.alerts import Told, Wrong
from console.data.times import moment
from console.widgets.live_table import LiveTable, Show, cell
from console.widgets.screen import Said, Screen
from pipelines.alerts.deciding import Silence
from pipelines.alerts.outbox import Delivery
from pipelines.alerts.rule import Rule
from pipelines.alerts.units import duration, shown

T = TypeVar("T")
Hush = Callable[[str, str], Awaitable[None]]
LEVELS = {
    "firing": "bad",
    "critical": "bad",
    "failing": "bad",
    "given_up": "bad",
    "pending": "wait",
    "warning": "wait",
    "waiting": "wait",
    "well": "good",
    "delivered": "good",
}


def wrong(screen: Screen, hush: Hush) -> LiveTable[Wrong]:
    """Return the table of what is wrong; a button a row silences it."""
    columns = ("state", "sentence", "since", "silence")
    return _table(screen, "wrong", columns, partial(_wrong, screen, hush))


def silences(screen: Screen, end: Callable[[Silence], Awaitable[None]]) -> LiveTable[Silence]:
    """Return the table of silences; a button a row ends it."""
    columns = ("rule", "subject", "until", "who", "why", "end")
    return _table(screen, "silences", columns, partial(_silence, screen, end))


def told(screen: Screen) -> LiveTable[Told]:
    """Return the table of who is told."""
    columns = ("receiver", "state", "waits", "delivered", "given_up", "answer")
    return _table(screen, "told", columns, partial(_told, screen))


def deliveries(screen: Screen) -> LiveTable[Delivery]:
    """Return the table of what was told last, and of what waits."""
    columns = ("at", "state", "sentence", "receiver", "attempts")
    return _table(screen, "deliveries", columns, partial(_delivery, screen))


def rules(screen: Screen, hush: Callable[[str], Awaitable[None]]) -> LiveTable[Rule]:
    """Return the table of rules; a button a row silences it."""
    columns = ("rule", "severity", "when", "silence")
    return _table(screen, "rules", columns, partial(_rule, screen, hush))


def _wrong(screen: Screen, hush: Hush, key: str) -> Show[Wrong]:
    rule, _, subject = key.partition(" ")
    with ui.element("td").classes("k-narrow"):
        state, severity = (ui.label().classes("k-badge") for _ in range(2))
    with ui.element("td"), ui.element("div").classes("k-said"):
        ui.label(f"{rule} · {subject}" if subject else rule).classes("k-strong")
        sentence = ui.label()
    since = cell()
    _action(screen, "silence", "notifications_off", lambda: hush(rule, subject))

    def show(found: Wrong) -> None:
        _say(screen, state, found.state)
        _say(screen, severity, found.severity)
        screen.tell(sentence, found.sentence)
        since.set_text(moment(found.since))

    return show


def _silence(screen: Screen, end: Callable[[Silence], Awaitable[None]], key: str) -> Show[Silence]:
    name, _, subject = key.partition(" ")
    cell().set_text(name or screen.say("alerts.every_rule"))
    cell().set_text(subject or screen.say("alerts.every_subject"))
    until, who, why = cell(), cell(), _prose()
    _action(screen, "end", "notifications_active", lambda: end(Silence(name, subject, 0.0)))

    def show(found: Silence) -> None:
        until.set_text(moment(found.until))
        who.set_text(found.who or "–")
        why.set_text(found.why or "–")

    return show


def _told(screen: Screen, name: str) -> Show[Told]:
    with ui.element("td"):
        ui.label(name).classes("k-mono")
    state, waits, delivered, given_up, answer = (
        _badge(),
        cell(True),
        cell(True),
        cell(True),
        _prose(),
    )

    def show(found: Told) -> None:
        of = found.receiver
        _say(screen, state, found.state)
        waits.set_text(str(of.waiting))
        delivered.set_text(str(of.delivered))
        given_up.set_text(str(of.given_up))
        why = screen.told(of.error).text
        again = {"count": of.failures, "when": moment(of.not_before), "why": why}
        answer.set_text(screen.say("alerts.failed", **again) if of.failures else "–")

    return show


def _delivery(screen: Screen, key: str) -> Show[Delivery]:
    with ui.element("td").classes("k-narrow"):
        at = ui.label().classes("k-number")
    state, sentence = _badge(), _prose()
    with ui.element("td"):
        ui.label(key.partition(" ")[0]).classes("k-mono")
    attempts = _prose()

    def show(found: Delivery) -> None:
        at.set_text(moment(datetime.fromisoformat(found.alert.at).timestamp()))
        _say(screen, state, found.state.replace(" ", "_"))
        screen.tell(sentence, found.alert.sentence)
        counted = f"{found.attempts}: {found.error}" if found.error else Said(f"{found.attempts}")
        screen.tell(attempts, counted)

    return show


def _rule(screen: Screen, hush: Callable[[str], Awaitable[None]], name: str) -> Show[Rule]:
    cell().set_text(name)
    severity, when = _badge(), _prose()
    _action(screen, "silence", "notifications_off", lambda: hush(name))

    def show(rule: Rule) -> None:
        _say(screen, severity, rule.severity.value)
        when.set_text(_when(screen, rule))

    return show


def _when(screen: Screen, rule: Rule) -> str:
    """Return when a rule fires, and where, if only Prometheus can tell."""
    limit = screen.texts.percents(screen.told(shown(rule.limit, rule.signal.unit)).text)
    what = screen.say(f"alerts.signal.{rule.signal.name}")
    said = screen.say(f"alerts.{'below' if rule.below else 'above'}", what=what, limit=limit)
    time = screen.told(duration(rule.for_s)).text
    lasts = screen.say("alerts.lasts", time=time) if rule.for_s else ""
    where = "" if rule.signal.local else screen.say("alerts.prometheus")
    return " ".join(filter(None, (said, lasts, where)))


def _table(
    screen: Screen, name: str, columns: Sequence[str], make: Callable[[str], Show[T]]
) -> LiveTable[T]:
    labels = [screen.say(f"alerts.column.{column}") for column in columns]
    return LiveTable(screen.say(f"alerts.{name}"), labels, make, screen.say(f"alerts.no_{name}"))


def _action(screen: Screen, name: str, icon: str, act: Callable[[], Awaitable[None]]) -> None:
    with ui.element("td"):
        button = ui.button(icon=icon, on_click=act).props("flat round dense")
        button.props(f'aria-label="{screen.say(f"alerts.{name}")}"').set_enabled(screen.operates)


def _badge() -> ui.label:
    with ui.element("td"):
        return ui.label().classes("k-badge")


def _prose() -> ui.label:
    with ui.element("td"), ui.element("div").classes("k-said"):
        return ui.label()


def _say(screen: Screen, badge: ui.label, name: str) -> None:
    badge.set_text(screen.say(f"alerts.is.{name}") if name else "–")
    badge.classes(replace=f"k-badge k-{LEVELS.get(name, 'none')}")
