"""A rollout while it goes on: split, both revisions, evidence, who decided what, and the buttons.

RolloutPanel(screen).follow(service, run)     the one that a run began
RolloutPanel(screen).follow(service)          the newest of a service, and the ones after it
"""

from __future__ import annotations

from nicegui import ui

from console.data.rollout import Moment, Watched
from console.data.times import moment
from console.widgets.rollout_buttons import Decisions
from console.widgets.rollout_charts import EvidenceChart, SplitChart
from console.widgets.rollout_numbers import Guards, Sides
from console.widgets.screen import Screen
from console.widgets.status import Badge


class RolloutPanel:
    """Everything about one rollout, made at its first sight and updated in place."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._section = ui.element("section")
        self._parts: Parts | None = None

    def follow(self, service: str, run: str = "") -> None:
        """Show a rollout as it goes on, until it is over or the browser is gone."""
        feed = self._screen.world.watching.rollout(service, run)
        with self._section:
            self._screen.follow(feed.watch(), lambda seen: self._show(seen, service, run))

    def _show(self, seen: Watched | None, service: str, run: str) -> None:
        if seen is None:
            return
        if self._parts is None:
            with self._section:
                self._parts = Parts(self._screen, lambda: self.follow(service, run))
        self._parts.show(seen)


class Parts:
    """The parts of the panel; `again` watches on after a decision on what was over."""

    def __init__(self, screen: Screen, again: object) -> None:
        self._screen = screen
        ui.html(f"<h2>{screen.say('rollout.title')}</h2>", sanitize=False)
        with ui.element("div").classes("k-head"):
            with ui.element("div").classes("k-head-line"):
                self._title = ui.label().classes("k-strong")
                self._badge = Badge(screen, "rollout")
            self._reason = ui.label().classes("k-sentence").props("role=status")
            self._trouble = ui.label().classes("k-wait")
        self._decisions = Decisions(screen, again)  # type: ignore[arg-type]
        self._sides = Sides(screen)
        with ui.element("div").classes("k-charts"):
            self._split = SplitChart(screen)
            self._evidence = EvidenceChart(screen)
        self._guards = Guards(screen)
        self._timeline = Timeline(screen)

    def show(self, seen: Watched) -> None:
        """Show the rollout as it is now."""
        places = {"service": seen.service, "version": seen.version, "before": seen.before}
        key = "rollout.versions" if seen.before else "rollout.first"
        self._title.set_text(self._screen.say(key, **places) if seen.id else seen.service)
        self._badge.show(seen.phase or seen.outcome)
        self._screen.tell(self._reason, seen.reason)
        self._screen.tell(self._trouble, seen.trouble or seen.now.why)
        self._decisions.show(seen)
        self._sides.show(seen)
        self._split.show(seen)
        self._evidence.show(seen)
        self._guards.show(seen)
        self._timeline.show(seen)


class Timeline:
    """Every decision with the one who made it, the newest first."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._known: tuple[Moment, ...] = ()
        ui.label(screen.say("rollout.timeline")).classes("k-subtitle q-mt-md")
        self._place = ui.element("ol").classes("k-list k-timeline").props("reversed")

    def show(self, seen: Watched) -> None:
        """Show the decisions made so far; those that are shown already stay as they are."""
        if seen.moments[: len(self._known)] != self._known:
            self._place.clear()
            self._known = ()
        for each in seen.moments[len(self._known) :]:
            with self._place:
                self._add(each)
        self._known = seen.moments

    def _add(self, each: Moment) -> None:
        item = ui.element("li")
        item.move(target_index=0)
        with item, ui.element("div").classes("k-head-line"):
            Badge(self._screen, "rollout").show(each.kind)
            share = "" if each.percent is None else f"{each.percent} %"
            share = self._screen.texts.percents(share)
            for text in (share, each.actor, moment(each.at)):
                ui.label(text).classes("k-number" if text == share else "k-quiet k-number")
        with item:
            self._screen.tell(ui.label().classes("k-sentence"), each.why)
