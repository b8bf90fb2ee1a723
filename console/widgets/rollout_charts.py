"""Two charts in time: what the canary was to get and got, and how far the evidence is."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from console.data.rollout import Watched
from console.widgets.charts import BAD, CANARY, GOOD, QUIET, STABLE, draw, line, line_chart
from console.widgets.screen import Screen

TIME = {"type": "time", "splitNumber": 4, "axisLabel": {"color": QUIET, "hideOverlap": True}}

BEYOND = 120.0
"""Evidence beyond its boundary is drawn no higher."""


def percents(screen: Screen) -> dict[str, str]:
    """Return the labels of an axis of percents, as the language of the page writes them."""
    return {"color": QUIET, "formatter": screen.texts.percents("{value} %")}


class Chart:
    """A chart that is sent again only where its lines have changed."""

    def __init__(self, title: str, options: dict[str, Any]) -> None:
        with ui.element("figure").classes("k-figure") as self._place:
            with ui.element("figcaption"):
                ui.label(title).classes("k-subtitle")
            self._chart = ui.echart(options).classes("k-chart")
            self._chart.props(f'role=img aria-label="{title}"')

    def draw(self, series: list[dict[str, Any]], *, visible: bool) -> None:
        """Show these lines."""
        self._place.set_visibility(visible)
        if visible:
            draw(self._chart, series)


class SplitChart:
    """The share that was asked for as stairs, and the one that was measured."""

    def __init__(self, screen: Screen) -> None:
        self._names = [screen.say("rollout.asked"), screen.say("rollout.measured")]
        axis = {"min": 0, "max": 100, "scale": False, "axisLabel": percents(screen)}
        options = line_chart(axis, TIME) | {"color": [STABLE, CANARY]}
        self._chart = Chart(screen.say("rollout.traffic"), options)

    def show(self, seen: Watched) -> None:
        """Show the split up to now."""
        asked = split_asked(seen)
        got = [[_ms(p.at), _percent(p.share)] for p in seen.points if p.share is not None]
        lines = [
            line(self._names[0], asked, step="end", showSymbol=False, areaStyle={"opacity": 0.12}),
            line(self._names[1], got),
        ]
        self._chart.draw(lines, visible=bool(seen.before) and any(each[1] for each in asked))


class EvidenceChart:
    """The strongest evidence for harm and the weakest for safety, as parts of their boundaries."""

    def __init__(self, screen: Screen) -> None:
        self._names = [screen.say("rollout.harm.line"), screen.say("rollout.safety.line")]
        options = line_chart({"min": 0, "max": BEYOND, "axisLabel": percents(screen)}, TIME) | {
            "color": [BAD, GOOD]
        }
        self._chart = Chart(screen.say("rollout.evidence"), options)

    def show(self, seen: Watched) -> None:
        """Show the evidence up to now."""
        harm = [[_ms(p.at), _capped(p.harm)] for p in seen.points if p.harm is not None]
        safe = [[_ms(p.at), _capped(p.safety)] for p in seen.points if p.safety is not None]
        boundary = {
            "silent": True,
            "symbol": "none",
            "label": {"show": False},
            "lineStyle": {"color": QUIET, "type": "dashed"},
            "data": [{"yAxis": 100}],
        }
        lines = [line(self._names[0], harm, markLine=boundary), line(self._names[1], safe)]
        self._chart.draw(lines, visible=bool(harm or safe))


def split_asked(seen: Watched) -> list[list[float | None]]:
    """Return the percents that were asked for, each from its moment on, up to now or the end."""
    found: list[list[float | None]] = [
        [_ms(each.at), float(each.percent)] for each in seen.moments if each.percent is not None
    ]
    if not found:
        return []
    newest = [each.at for each in seen.moments] + [p.at for p in seen.points]
    return [*found, [_ms(max(newest)), found[-1][1]]]


def _capped(part: float) -> float:
    return min(round(100 * part, 1), BEYOND)


def _ms(seconds: float) -> float:
    return round(seconds * 1000)


def _percent(part: float | None) -> float | None:
    return None if part is None else round(100 * part, 2)
