"""One run: its steps, log and curve while it goes on, the gate's verdict, then its rollout."""

from __future__ import annotations

import asyncio

from nicegui import ui

from console.data.run import Monitored
from console.data.times import moment
from console.widgets.curve import Curves
from console.widgets.gate import GateVerdict
from console.widgets.rollout import RolloutPanel
from console.widgets.run_toolbar import RunToolbar
from console.widgets.run_usage import RunUsage
from console.widgets.screen import Screen
from console.widgets.status import Badge
from console.widgets.steps import StepCards
from pipelines.run_row import CLUSTER, HERE
from serving.errors import NotFound
from serving.figures import figure


async def build(screen: Screen) -> None:
    """Show the run of the path, until it has ended. Raises NotFound."""
    run_id, world = str(screen.params["run_id"]), screen.world
    known = world.elsewhere.may_have(run_id, None)
    row = await asyncio.to_thread(world.runs.row if known else world.runs.found, run_id)
    if row is None and not known:
        raise NotFound(f"there is no run {run_id!r}; `kanarya runs list` shows those there are.")
    ui.page_title(f"{row.title if row else run_id} · Kanarya")
    page = RunPage(screen)
    feed = await asyncio.to_thread(world.watching.run, run_id)
    screen.follow(feed.watch(), page.show)


class RunPage:
    """The parts of the page, each updated in place."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._head = Head(screen)
        self._toolbar = RunToolbar(screen, str(screen.params["run_id"]))
        with ui.element("section") as self._section:
            ui.html(f"<h2>{screen.say('run.steps')}</h2>", sanitize=False)
            self._steps = StepCards(screen)
        self._curves = Curves(screen)
        self._gate = GateVerdict(screen)
        self._usage = RunUsage(screen)
        self._rollout = RolloutPanel(screen)
        self._followed = ""

    async def show(self, run: Monitored) -> None:
        """Show the run as it is now."""
        self._head.show(run)
        await self._toolbar.show(run)
        self._section.set_visibility(bool(run.steps))
        self._steps.show(run)
        self._curves.show(run)
        self._gate.show(run.gate)
        self._usage.show(run)
        deploy = run.step("deploy")
        if deploy and deploy.started is not None and self._followed != run.key:
            self._followed = run.key
            self._follow(run)

    def _follow(self, run: Monitored) -> None:
        """Show the run's rollout, unless its services are others than those that are asked here."""
        places = self._screen.world.elsewhere
        if run.row.where == HERE or places.has_services:
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
            self._where = ui.label().classes("k-quiet")
            self._page = ui.link(screen.say("run.page"), "#").props("rel=noopener")
            self._page.set_visibility(False)
            self._sentence = ui.label().classes("k-sentence").props("role=status")
            self._why = ui.label().classes("k-quiet")
            self._attempt = ui.label().classes("k-wait")
            self._trouble = ui.label().classes("k-wait").props("role=status")

    def show(self, run: Monitored) -> None:
        """Show the run as it is now."""
        row, say = run.row, self._screen.say
        self._id.set_text(row.title)
        self._badge.show(row.status)
        parts = [say("run.what", kind=row.kind, data=row.data)] if row.data else []
        parts += [row.kind] if row.kind and not row.data else []
        parts += [say("run.began", when=moment(row.started))] if row.started else []
        parts += [say("run.took", seconds=self._screen.lasting(row.seconds))] if row.seconds else []
        self._what.set_text(" · ".join(parts))
        self._screen.tell(self._sentence, row.sentence)
        self._elsewhere(run)
        self._why.set_text(say("run.why", why=self._screen.told(row.why).text) if row.why else "")
        self._why.set_visibility(bool(row.why))
        again = say("run.attempt", number=run.attempt) if run.attempt > 1 else ""
        self._attempt.set_text(again)
        self._attempt.set_visibility(bool(again))

    def _elsewhere(self, run: Monitored) -> None:
        """Say where a run of another place is, and what of it cannot be read now."""
        row, say = run.row, self._screen.say
        metrics = ", ".join(
            f"{name} {figure(value)}" for name, value in sorted(row.metrics.items())
        )
        said = {HERE: "", CLUSTER: say("run.cluster", run=row.run_id)}
        where = said.get(row.where, say("run.elsewhere"))
        self._where.set_text(f"{where} {metrics}" if where and metrics else where)
        self._where.set_visibility(bool(where))
        self._screen.tell_all(self._trouble, run.troubles)
        if row.page and not self._page.visible:
            self._page.props["href"] = row.page
            self._page.set_visibility(True)
