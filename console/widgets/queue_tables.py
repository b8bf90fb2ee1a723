"""The tables of the queue's page: what is in it, what ended last, how long steps take."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar
from urllib.parse import quote

from nicegui import ui

from console.data.queue import Waiting
from console.widgets.live_table import LiveTable, Show, cell
from console.widgets.screen import Screen
from pipelines.queue import RUNS, TURN, WAITS
from pipelines.run_row import Row
from pipelines.run_times import StepTime

T = TypeVar("T")
Cancel = Callable[[str], Awaitable[None]]
STATES = {RUNS: "running", WAITS: "ready", TURN: "turn"}
LEVELS = {
    "promoted": "good",
    "running": "good",
    "failed": "bad",
    "rejected": "bad",
    "rolled_back": "bad",
    "conflict": "bad",
    "held": "wait",
    "turn": "wait",
    "again": "wait",
}


def entries(screen: Screen, cancel: Cancel) -> LiveTable[Waiting]:
    """Return the table of what runs and waits."""
    names = ("run", "state", "since", "priority", "worker", "cancel")
    return _table(screen, "entries", names, partial(_entry, screen, cancel))


def recent(screen: Screen) -> LiveTable[Row]:
    """Return the table of the runs that ended last."""
    names = ("run", "outcome", "ended", "seconds")
    return _table(screen, "recent", names, partial(_ended, screen))


def steps(screen: Screen) -> LiveTable[tuple[StepTime, float]]:
    """Return the table of steps; with each, the longest median of all, to which bars are drawn."""
    names = ("step", "median", "longest", "count")
    return _table(screen, "steps", names, partial(_step, screen))


def duration(screen: Screen, seconds: float) -> str:
    """Return a duration as a person reads it; what takes minutes changes once a minute."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = int(seconds // 60)
    hours, rest = divmod(minutes, 60)
    return screen.texts.units(f"{hours} h {rest} min" if hours else f"{minutes} min")


def _table(
    screen: Screen, name: str, columns: tuple[str, ...], make: Callable[[str], Show[T]]
) -> LiveTable[T]:
    labels = [screen.say(f"queue.{column}") for column in columns]
    return LiveTable(screen.say(f"queue.{name}"), labels, make, screen.say(f"queue.no_{name}"))


def _entry(screen: Screen, cancel: Cancel, run_id: str) -> Show[Waiting]:
    _run(run_id)
    state, since, priority, worker = _badge(), cell(True), cell(True), cell()
    with ui.element("td"):
        button = ui.button(icon="close", on_click=lambda: cancel(run_id)).props("flat round dense")
        button.props(f'aria-label="{screen.say("queue.cancel_one")}"').set_enabled(screen.operates)

    def show(found: Waiting) -> None:
        entry = found.entry
        name = "cancelling" if entry.cancelled_by else STATES.get(entry.state, "again")
        _say(state, name, screen.say(f"queue.state.{name}", run=entry.waits_for))
        since.set_text(
            duration(screen, found.seconds) if found.seconds >= 10 else f"{found.seconds} s"
        )
        priority.set_text(str(entry.priority))
        worker.set_text(_worker(screen, found))
        button.set_enabled(screen.operates and not entry.cancelled_by)

    return show


def _worker(screen: Screen, found: Waiting) -> str:
    said = [f"pid {found.entry.pid}"] if found.entry.pid else []
    again = found.entry.attempt > 1
    said += [screen.say("queue.attempt", number=found.entry.attempt)] if again else []
    return ", ".join(said)


def _ended(screen: Screen, run_id: str) -> Show[Row]:
    _run(run_id)
    outcome, ended, seconds = _badge(), cell(True), cell(True)

    def show(row: Row) -> None:
        at = datetime.fromtimestamp(row.started + (row.seconds or 0), UTC).astimezone()
        key = f"status.{row.status}"
        known = screen.texts.has(key)
        _say(outcome, row.status, screen.say(key) if known else row.status.replace("_", " "))
        ended.set_text(f"{at:%Y-%m-%d %H:%M:%S}")
        seconds.set_text(duration(screen, row.seconds or 0.0))

    return show


def _step(screen: Screen, name: str) -> Show[tuple[StepTime, float]]:
    cell().set_text(name)
    with ui.element("td"), ui.element("div").classes("k-bar"):
        bar = ui.element("span").props('aria-hidden="true"')
        median = ui.label().classes("k-number")
    longest, count = cell(True), cell(True)

    def show(found: tuple[StepTime, float]) -> None:
        step, most = found
        bar.style(f"width: {100 * step.median_s / most if most else 0:.1f}%")
        median.set_text(duration(screen, step.median_s))
        longest.set_text(duration(screen, step.longest_s))
        count.set_text(str(step.runs))

    return show


def _run(run_id: str) -> None:
    with ui.element("td"):
        ui.link(run_id, f"/runs/{quote(run_id)}").classes("k-mono")


def _badge() -> ui.label:
    with ui.element("td"):
        return ui.label().classes("k-badge")


def _say(badge: ui.label, name: str, text: str) -> None:
    badge.set_text(text)
    badge.classes(replace=f"k-badge k-{LEVELS.get(name, 'none')}")
