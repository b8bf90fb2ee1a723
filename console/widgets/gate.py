"""The gate's verdict: every check as a sentence, and the interval where rows were compared."""

from __future__ import annotations

from nicegui import ui

from console.data.gate import Check, Gate, Interval
from console.widgets.screen import Screen
from console.widgets.status import Badge


class GateVerdict:
    """Shown once the gate has decided; it does not change afterwards."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._shown: Gate | None = None
        self._section = ui.element("section")
        self._section.set_visibility(False)

    def show(self, gate: Gate | None) -> None:
        """Show what the gate decided; nothing before."""
        if gate == self._shown:
            return
        self._shown = gate
        self._section.clear()
        self._section.set_visibility(gate is not None)
        if gate is None:
            return
        with self._section:
            ui.html(f"<h2>{self._screen.say('run.gate')}</h2>", sanitize=False)
            with ui.element("ul").classes("k-list"):
                for check in gate.checks:
                    _check(self._screen, check)


def _check(screen: Screen, check: Check) -> None:
    with ui.element("li"):
        with ui.element("div").classes("k-check"):
            Badge(screen, "run.gate").show("passed" if check.passed else "rejected")
            screen.tell(ui.label().classes("k-sentence"), check.sentence)
        if check.interval is not None:
            _interval(screen, check.interval)


def _interval(screen: Screen, found: Interval) -> None:
    """Draw the interval on a line that has "no difference" and the tolerated limit on it."""
    numbers = {
        name: f"{getattr(found, name):+.4g}" for name in ("improvement", "low", "high", "limit")
    }
    said = screen.say("run.gate.interval", **numbers, alpha=found.alpha, rows=found.rows)
    low, high = found.span

    def at(value: float) -> str:
        return f"{(value - low) / (high - low):.2%}"

    width = f"{(found.high - found.low) / (high - low):.2%}"
    with ui.element("figure").classes("k-interval"):
        with ui.element("div").classes("k-interval-line").props(f'role=img aria-label="{said}"'):
            ui.element("i").classes("k-interval-limit").style(f"left: 0; width: {at(found.limit)}")
            ui.element("i").classes("k-interval-zero").style(f"left: {at(0.0)}")
            ui.element("i").classes("k-interval-bar").style(
                f"left: {at(found.low)}; width: {width}"
            )
            ui.element("i").classes("k-interval-dot").style(f"left: {at(found.improvement)}")
        with ui.element("div").classes("k-interval-ends k-quiet"):
            for key in ("run.gate.worse", "run.gate.better"):
                ui.label(screen.say(key))
        with ui.element("figcaption").classes("k-quiet k-number"):
            ui.label(said)
