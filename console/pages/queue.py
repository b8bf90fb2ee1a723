"""The queue: what runs and waits, what ended last, how fast; pause, resume, workers, cancel."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from nicegui import ui

from console.data.queue import Standing
from console.widgets import queue_tables
from console.widgets.cancelling import Cancelling
from console.widgets.screen import Screen

Act = Callable[[], Awaitable[None]]
MOST_SHOWN = 200
NUMBERS = ("running", "ready", "held_back", "at_once", "per_hour")


async def build(screen: Screen) -> None:
    """Show the queue, and follow it."""
    first = await asyncio.to_thread(screen.world.queue.standing)
    page = QueuePage(screen)
    page.show(first)
    screen.follow(screen.world.queue_changes.watch(), page.show)


class QueuePage:
    """The page's parts, and what a newer standing changes in them."""

    def __init__(self, screen: Screen) -> None:
        self.screen, self._at_once = screen, 0
        with ui.row().classes("k-actions items-center full-width").props('role="toolbar"') as bar:
            bar.props(f'aria-label="{screen.say("queue.actions")}"')
            self._state = ui.label().classes("k-badge").props('role="status"')
            self._pause = self._button("pause", "pause", self._paused)
            self._resume = self._button("resume", "play_arrow", self._resumed)
            self._start = self._button("start", "power_settings_new", self._started)
            ui.space()
            self._number = ui.number(screen.say("queue.at_once"), min=1, max=64, precision=0)
            self._number.props("dense outlined").classes("k-count").set_enabled(screen.operates)
            self._button("set", "check", self._set)
        with ui.element("dl").classes("k-figures"):
            self._figures = {name: _figure(screen, name) for name in NUMBERS}
        _heading(screen, "entries")
        self._entries = queue_tables.entries(screen, self._cancel)
        self._more = ui.label().classes("k-quiet")
        _heading(screen, "recent")
        self._recent = queue_tables.recent(screen)
        _heading(screen, "steps")
        self._steps = queue_tables.steps(screen)
        self._cancelling = Cancelling(screen)

    def show(self, found: Standing) -> None:
        """Show how the queue is doing now."""
        name = "paused" if found.paused else "going" if found.up else "down"
        self._state.set_text(self.screen.say(f"queue.is.{name}"))
        self._state.classes(replace=f"k-badge k-{'good' if name == 'going' else 'wait'}")
        self._pause.set_enabled(self.screen.operates and not found.paused)
        self._resume.set_enabled(self.screen.operates and found.paused)
        self._start.set_enabled(self.screen.operates and not found.up)
        for figure, label in self._figures.items():
            label.set_text(f"{getattr(found, figure):g}")
        if found.at_once != self._at_once:  # another one set it; what is being typed stays
            self._at_once = found.at_once
            self._number.set_value(found.at_once)
        self._show_tables(found)

    def _show_tables(self, found: Standing) -> None:
        shown = found.entries[:MOST_SHOWN]
        self._entries.show({each.entry.run_id: each for each in shown})
        more = len(found.entries) - len(shown)
        self._more.set_text(self.screen.say("queue.more", count=more) if more else "")
        self._recent.show({row.run_id: row for row in found.recent})
        longest = max((step.median_s for step in found.steps), default=0.0)
        self._steps.show({step.step: (step, longest) for step in found.steps})

    def _button(self, name: str, icon: str, act: Act) -> ui.button:
        button = ui.button(self.screen.say(f"queue.{name}"), icon=icon, on_click=act)
        button.props("flat dense no-caps").set_enabled(self.screen.operates)
        return button

    async def _paused(self) -> None:
        await self.screen.act("pause", "queue", self.screen.world.queue.pause)

    async def _resumed(self) -> None:
        await self.screen.act("resume", "queue", self.screen.world.queue.resume)

    async def _started(self) -> None:
        await self.screen.act("start workers", "queue", self.screen.world.queue.start_workers)

    async def _set(self) -> None:
        self._number.sanitize()  # a click is told before the field is left
        number = f"{self._number.value:g}" if self._number.value is not None else ""
        do = partial(self.screen.world.queue.set_workers, number)
        await self.screen.act("workers", "queue", do, number=number)

    async def _cancel(self, run_id: str) -> None:
        if await self._cancelling.is_sure([run_id]):
            do = partial(self.screen.world.queue.cancel, run_id, self.screen.person.name)
            await self.screen.act("cancel", run_id, do)


def _figure(screen: Screen, name: str) -> ui.label:
    with ui.element("div"):
        with ui.element("dt"):
            ui.label(screen.say(f"queue.{name}"))
        with ui.element("dd"):
            return ui.label().classes("k-number")


def _heading(screen: Screen, name: str) -> None:
    with ui.element("h2"):
        ui.label(screen.say(f"queue.{name}"))
