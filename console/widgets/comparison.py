"""Tables and charts of runs side by side; a run is a letter, the same everywhere on the page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from nicegui import ui

from console.data import run_columns
from console.data.compare import Compared, Curve, Line, Measure
from console.widgets.run_list import status_word
from console.widgets.screen import Screen
from pipelines.run_row import Row

COLOURS = (
    "#4a8fc7",
    "#c08a10",
    "#2e9e68",
    "#d3583f",
    "#9a6cc4",
    "#1798a6",
    "#a07a6b",
    "#d2467f",
)
INK = "#76818b"
"""Read well on light and on dark: a chart does not know which it stands on."""
AXIS = {"axisLabel": {"color": INK}, "splitLine": {"lineStyle": {"color": f"{INK}40"}}}
DASHES = ("solid", "dashed", "dotted")


def letter(place: int) -> str:
    """Return what a run is called on this page: A, B, ..."""
    return chr(ord("A") + place)


def measures(screen: Screen, found: Compared) -> None:
    """Show the metrics, the best of each marked, and by how much a run is above the first."""
    ui.html(f"<h2>{screen.say('compare.metrics')}</h2>", sanitize=False)
    with _table(screen, found, screen.say("compare.metric")) as body, body:
        _row(screen.say("runs.status"), [status_word(screen, row.status) for row in found.rows])
        _row(screen.say("runs.seconds"), [_took(screen, row) for row in found.rows])
        for measure in found.measures:
            _measure(screen, measure)


def curves(screen: Screen, found: Compared) -> None:
    """Show every measure over the epochs, all runs in one chart; nothing of runs without epochs."""
    names = list(dict.fromkeys(curve.measure for curve in found.curves))
    if not names:
        return
    ui.html(f"<h2>{screen.say('compare.curves')}</h2>", sanitize=False)
    with ui.element("div").classes("k-charts"):
        for name in names:
            ui.echart(_chart(name, [c for c in found.curves if c.measure == name])).classes(
                "k-chart"
            ).props(f'role="img" aria-label="{screen.say("compare.curves")}"')


def lines(screen: Screen, found: Compared) -> None:
    """Show what the runs were made of: what differs, and all of it where that is wanted."""
    ui.html(f"<h2>{screen.say('compare.made_of')}</h2>", sanitize=False)
    differing = [line for line in found.lines if line.differs]
    if not differing:
        ui.label(screen.say("compare.same")).classes("k-quiet")
    everything = ui.checkbox(screen.say("compare.all"), value=False)
    with _table(screen, found, screen.say("compare.ingredient")) as body:
        _lines(screen, body, differing)
    everything.on_value_change(
        lambda event: _lines(screen, body, found.lines if event.value else differing)
    )
    everything.set_visibility(len(differing) < len(found.lines))


def _lines(screen: Screen, body: ui.element, shown: Iterable[Line]) -> None:
    body.clear()
    with body:
        for line in shown:
            _line(screen, line)


def _table(screen: Screen, found: Compared, first: str) -> ui.element:
    with ui.element("div").classes("k-wide"), ui.element("table").classes("k-compare"):
        with ui.element("thead"), ui.element("tr"):
            _cell("th", first, "scope=col")
            for place, row in enumerate(found.rows):
                with ui.element("th").props("scope=col"):
                    ui.label(letter(place)).classes("k-letter").style(
                        f"border-color: {COLOURS[place]}"
                    )
                    ui.link(row.run_id, f"/runs/{quote(row.run_id)}").classes("k-mono")
        return ui.element("tbody")


def _took(screen: Screen, row: Row) -> str:
    return screen.texts.units(run_columns.cell(row, "seconds"))


def _row(name: str, values: list[str]) -> ui.element:
    with ui.element("tr") as row:
        _cell("th", name, "scope=row")
        for value in values:
            _cell("td", value)
    return row


def _measure(screen: Screen, measure: Measure) -> None:
    with ui.element("tr"):
        _cell("th", measure.name, "scope=row")
        for place, value in enumerate(measure.values):
            with ui.element("td").classes("k-number"):
                said = ui.label("–" if value is None else run_columns.number(value))
                if place in measure.best:
                    said.classes("k-best").tooltip(screen.say("compare.best"))
                difference = measure.difference(place) if place else None
                if difference is not None:
                    ui.label(f"{difference:+.4f}").classes("k-quiet k-small")


def _line(screen: Screen, line: Line) -> ui.element:
    row = _row(
        f"{screen.told(line.part).text} · {line.key}", [value or "–" for value in line.values]
    )
    return row.classes("k-differs" if line.differs else "")


def _cell(tag: str, text: str, props: str = "") -> None:
    with ui.element(tag).props(props):
        ui.label(text)


def _chart(name: str, found: list[Curve]) -> dict[str, Any]:
    series = [
        {
            "type": "line",
            "name": letter(curve.place),
            "data": [list(point) for point in curve.points],
            "showSymbol": len(curve.points) < 20,
            "lineStyle": {"type": DASHES[curve.place % len(DASHES)]},
            "color": COLOURS[curve.place],
        }
        for curve in found
    ]
    return {
        "title": {"text": name, "left": 0, "textStyle": {"fontSize": 13, "color": INK}},
        "textStyle": {"color": INK},
        "legend": {"right": 0, "top": 0, "textStyle": {"color": INK}},
        "tooltip": {"trigger": "axis", "renderMode": "richText"},
        "grid": {"left": 8, "right": 16, "bottom": 8, "top": 40, "containLabel": True},
        "xAxis": {"type": "value", "minInterval": 1, **AXIS},
        "yAxis": {"type": "value", "scale": True, **AXIS},
        "series": series,
        "animation": False,
    }
