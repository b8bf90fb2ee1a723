"""What charts of ECharts have in common: calm, legible on light and on dark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nicegui import json, ui

CANARY, STABLE, GOOD, BAD, QUIET = "#c08a12", "#4a8fc7", "#2f9e68", "#d0604c", "#7f8b96"
COLOURS = (CANARY, STABLE, GOOD, "#9b6fc4", BAD, "#4fa8a3")
_SERIES = ":series"
_LINE = {"lineStyle": {"color": "#7f8b9640"}}


def line_chart(y: dict[str, Any], x: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the options of an empty chart of lines; `y` and `x` are added to its axes."""
    quiet = {
        "axisLabel": {"color": QUIET, "hideOverlap": True},
        "splitLine": _LINE,
        "nameTextStyle": {"color": QUIET},
    }
    return {
        "animation": False,
        "color": list(COLOURS),
        "grid": {"left": 8, "right": 16, "top": 36, "bottom": 24, "containLabel": True},
        "legend": {"top": 0, "left": 0, "textStyle": {"color": QUIET}, "type": "scroll"},
        "tooltip": {"trigger": "axis", "confine": True},
        "xAxis": {"type": "value", **quiet, "splitLine": {"show": False}, **(x or {})},
        "yAxis": {"type": "value", "scale": True, **quiet, **y},
        "series": [],
    }


def draw(chart: ui.echart, lines: Sequence[dict[str, Any]]) -> None:
    """Show these lines in place of those before; the same ones are not sent again.

    They travel as an expression (its colon says so) of JSON, which is JavaScript: NiceGUI would
    look at every point several times for every browser, where it looks at a text once.
    """
    text = json.dumps(lines)
    if text != chart.options.get(_SERIES):
        chart.options[_SERIES] = text
        chart.update()


def line(name: str, points: Sequence[Sequence[float | None]], **more: Any) -> dict[str, Any]:
    """Return one line."""
    few = len(points) <= 40
    return {"type": "line", "name": name, "data": points, "showSymbol": few, **more}
