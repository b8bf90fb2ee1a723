"""One run: its steps, log and curve while it goes on, the gate's verdict, then its rollout."""

from __future__ import annotations

import asyncio

from nicegui import ui

from console.data.run import Monitored
from console.widgets.curve import Curves
from console.widgets.gate import GateVerdict
from console.widgets.rollout import RolloutPanel
from console.widgets.run_toolbar import RunToolbar
from console.widgets.screen import Screen
from console.widgets.status import Badge, duration, moment
from console.widgets.steps import StepCards
from serving.errors import NotFound


async def build(screen: Screen) -> None:
    """Show the run of the path, until it has ended. Raises NotFound."""
    run_id = str(screen.params["run_id"])
    if await asyncio.to_thread(screen.world.runs.row, run_id) is None:
        raise NotFound(f"there is no run {run_id!r}; `kanarya runs list` shows those there are.")
    ui.page_title(f"{run_id} · Kanarya")
    page = RunPage(screen)
    feed = screen.world.watching.run(run_id)
    screen.follow(feed.watch(), page.show)


class RunPage:
    """The parts of the page, each updated in place."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._head = Head(screen)
        self._toolbar = RunToolbar(screen, str(screen.params["run_id"]))
        with ui.element("section"):
            ui.html(f"<h2>{screen.say('run.steps')}</h2>", sanitize=False)
            self._steps = StepCards(screen)
        self._curves = Curves(screen)
        self._gate = GateVerdict(screen)
        self._rollout = RolloutPanel(screen)
        self._followed = ""

    async def show(self, run: Monitored) -> None:
        """Show the run as it is now."""
        self._head.show(run)
        if run.row.tracked:
            return
        await self._toolbar.show(run)
        self._steps.show(run)
        self._curves.show(run.curve)
        self._gate.show(run.gate)
        deploy = run.step("deploy")
        if deploy and deploy.started is not None and self._followed != run.key:
            self._followed = run.key
            self._rollout.follow(run.row.model, run.key)


class Head:
    """What the run is, how it stands, and how it ended."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        with ui.element("section").classes("k-head"):
            with ui.element("div").classes("k-head-line"):
                self._id = ui.label().classes("k-mono k-strong")
                self._badge = Badge(screen)
            self._what = ui.label().classes("k-quiet")
            self._sentence = ui.label().classes("k-sentence").props("role=status")
            self._attempt = ui.label().classes("k-wait")

    def show(self, run: Monitored) -> None:
        """Show the run as it is now."""
        row, say = run.row, self._screen.say
        self._id.set_text(row.run_id)
        self._badge.show(row.status)
        parts = [say("run.what", kind=row.kind, data=row.data) if row.data else row.kind]
        parts += [say("run.began", when=moment(row.started))] if row.started else []
        parts += [say("run.took", seconds=duration(row.seconds))] if row.seconds else []
        self._what.set_text(" · ".join(parts))
        self._sentence.set_text(say("run.elsewhere") if row.tracked else row.sentence)
        again = say("run.attempt", number=run.attempt) if run.attempt > 1 else ""
        self._attempt.set_text(again)
        self._attempt.set_visibility(bool(again))
