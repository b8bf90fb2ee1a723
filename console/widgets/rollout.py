"""A rollout while it goes on: split, both revisions, evidence, who decided what, and the buttons.

RolloutPanel(screen).follow(service, run)     the one that a run began
RolloutPanel(screen).follow(service)          the newest of a service, and the ones after it
"""

from __future__ import annotations

from nicegui import ui

from console.data.rollout import Watched
from console.widgets.rollout_buttons import Decisions
from console.widgets.rollout_charts import EvidenceChart, SplitChart
from console.widgets.rollout_numbers import Guards, Sides
from console.widgets.screen import Screen
from console.widgets.status import Badge, moment


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
        self._reason.set_text(seen.reason)
        self._trouble.set_text(seen.trouble or seen.now.why)
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
        self._count = 0
        ui.label(screen.say("rollout.timeline")).classes("k-subtitle q-mt-md")
        names = ("when", "what", "share", "who", "why")
        columns = [
            {"name": n, "label": screen.say(f"rollout.{n}"), "field": n, "align": "left"}
            for n in names
        ]
        with ui.element("div").classes("k-wide"):
            self._table = ui.table(rows=[], columns=columns, row_key="key")
        self._table.props("flat dense wrap-cells hide-pagination :pagination='{rowsPerPage: 0}'")

    def show(self, seen: Watched) -> None:
        """Show the decisions made so far."""
        if len(seen.moments) == self._count:
            return
        self._count = len(seen.moments)
        self._table.rows = [
            {
                "key": at,
                "when": moment(each.at),
                "what": self._word(each.kind),
                "share": "–" if each.percent is None else f"{each.percent} %",
                "who": each.actor,
                "why": each.why,
            }
            for at, each in reversed(list(enumerate(seen.moments)))
        ]

    def _word(self, kind: str) -> str:
        key = f"rollout.{kind}"
        return self._screen.say(key) if self._screen.texts.has(key) else kind.replace("_", " ")
