"""Both revisions side by side in numbers, and each guard with its evidence."""

from __future__ import annotations

from nicegui import ui

from console.data.rollout import Watched
from console.data.rollout_seen import Seen
from console.widgets.screen import Screen
from serving.rollout.card.looks import Asked, Guard
from serving.rollout.card.words import percent

NAMES = ("share", "requests", "errors", "p95")


class Sides:
    """The canary and the stable revision: share, requests, errors, latency."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        with ui.element("div").classes("k-sides") as self._place:
            self._canary = Side(screen, "canary")
            self._stable = Side(screen, "stable")

    def show(self, seen: Watched) -> None:
        """Show the numbers as they are now."""
        self._place.set_visibility(bool(seen.before))
        percent, share = seen.percent, seen.now.share
        self._canary.show(seen.version, _share(percent, share), seen.now.canary)
        rest = None if percent is None else 100 - percent
        left = None if share is None else 1 - share
        self._stable.show(seen.before, _share(rest, left), seen.now.stable)


class Side:
    """One revision's numbers."""

    def __init__(self, screen: Screen, name: str) -> None:
        self._screen = screen
        with ui.element("div").classes(f"k-side k-side-{name}"):
            with ui.element("div").classes("k-step-head"):
                ui.label(screen.say(f"rollout.{name}")).classes("k-strong")
                self._version = ui.label().classes("k-quiet")
            with ui.element("dl").classes("k-facts"):
                self._values = {each: self._fact(each) for each in NAMES}

    def show(self, version: str, share: str, asked: Asked | None) -> None:
        """Show the numbers as they are now."""
        self._version.set_text(self._screen.say("rollout.version", version=version))
        self._values["share"].set_text(self._screen.texts.percents(share))
        self._values["requests"].set_text(f"{asked.requests:,}" if asked else "–")
        errors = f"{asked.errors:,} ({percent(asked.error_rate)})" if asked else "–"
        self._values["errors"].set_text(self._screen.texts.percents(errors))
        slow = f"{asked.p95_s * 1e3:.1f} ms" if asked and asked.p95_s is not None else "–"
        self._values["p95"].set_text(slow)

    def _fact(self, name: str) -> ui.label:
        with ui.element("div"):
            with ui.element("dt"):
                ui.label(self._screen.say(f"rollout.{name}")).classes("k-quiet")
            with ui.element("dd"):
                return ui.label("–").classes("k-number")


def _share(asked: int | None, measured: float | None) -> str:
    """Return the share that was asked for, and beside it the one that was measured."""
    wanted = "–" if asked is None else f"{asked} %"
    return wanted if measured is None else f"{wanted} → {percent(measured)}"


class Guards:
    """Every guard with its evidence for harm and for safety, each against its boundary."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._rows: dict[str, GuardRow] = {}
        self._needed = ui.label().classes("k-quiet")
        self._place = ui.element("ul").classes("k-list k-guards")

    def show(self, seen: Watched) -> None:
        """Show the guards as they are now."""
        now, waits = seen.now, seen.phase in ("shadowing", "observing") and seen.now.needed > 0
        said = self._screen.say("rollout.needed", needed=now.needed) if waits else ""
        self._needed.set_text(said)
        for guard in now.guards:
            if guard.name not in self._rows:
                with self._place:
                    self._rows[guard.name] = GuardRow(self._screen, guard.name)
            self._rows[guard.name].show(guard, now)
        for name in self._rows.keys() - {guard.name for guard in now.guards}:
            self._rows.pop(name).delete()


class GuardRow:
    """One guard: what it compares, and two bars that end at their boundaries."""

    def __init__(self, screen: Screen, name: str) -> None:
        self._screen = screen
        with ui.element("li") as self._item:
            with ui.element("div").classes("k-step-head"):
                ui.label(screen.told(name).text).classes("k-strong")
                self._value = ui.label().classes("k-quiet k-number")
            self._bars = {side: Bar(screen, side) for side in ("harm", "safety")}

    def show(self, guard: Guard, seen: Seen) -> None:
        """Show its numbers as they are now."""
        value, limit = (
            "–" if number is None else self._screen.texts.percents(percent(number))
            for number in (guard.value, guard.limit)
        )
        key = "rollout.guard.split" if guard.name == "split" else "rollout.guard"
        self._value.set_text(self._screen.say(key, value=value, limit=limit))
        self._bars["harm"].show(guard.harm, guard.allowed)
        self._bars["safety"].show(guard.safety, seen.enough)

    def delete(self) -> None:
        """Take the row away."""
        self._item.delete()


class Bar:
    """Evidence as a part of what is asked of it."""

    def __init__(self, screen: Screen, side: str) -> None:
        self._screen, self._label = screen, screen.say(f"rollout.{side}")
        with ui.element("div").classes("k-bar-row") as self._row:
            ui.label(self._label).classes("k-quiet")
            self._bar = ui.linear_progress(0.0, show_value=False, size=".55rem")
            self._bar.props(
                f"instant-feedback color={'negative' if side == 'harm' else 'positive'}"
            )
            self._said = ui.label().classes("k-number")

    def show(self, log: float | None, needed: float | None) -> None:
        """Show how far the evidence is; nothing where this guard has none of this sort."""
        known = log is not None and bool(needed)
        self._row.set_visibility(known)
        if log is None or not needed:
            return
        part = max(log / needed, 0.0)
        told = self._screen.texts.percents(f"{100 * part:.0f} %")
        self._bar.set_value(min(part, 1.0))
        self._said.set_text(told)
        self._bar.props(f'aria-label="{self._label}: {told}"')
