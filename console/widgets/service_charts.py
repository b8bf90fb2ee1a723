"""Three charts of a service as it goes on: measured split, times, failed requests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicegui import ui

from console.data.services import Service
from console.data.traffic import Numbers, Point
from console.widgets.charts import draw, line, line_chart
from console.widgets.screen import Screen

Value = Callable[[Numbers, Point], float | None]
MILLISECONDS = {"axisLabel": {"formatter": "{value} ms"}, "min": 0, "scale": False}


class ServiceCharts:
    """What is drawn grows by one point every two seconds, for all who watch."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._drawn: tuple[Point, ...] = ()
        self._empty = ui.label(screen.say("services.no_points")).classes("k-quiet")
        with ui.element("div").classes("k-plots"):
            percent = {
                "axisLabel": {"formatter": screen.texts.percents("{value} %")},
                "min": 0,
                "scale": False,
            }
            self._split = self._chart("services.chart.split", {**percent, "max": 100})
            self._times = self._chart("services.chart.times", MILLISECONDS)
            self._errors = self._chart("services.chart.errors", percent)
            self._rates = self._chart("services.chart.rates", {"min": 0, "scale": False})

    def show(self, service: Service) -> None:
        """Draw what has come since."""
        if service.points == self._drawn:
            return
        self._drawn = service.points
        self._empty.set_visibility(not service.points)
        names = sorted(
            {n.revision for p in service.points for n in p.numbers if n.requests}, reverse=True
        )
        for chart, values in (
            (self._split, {"": lambda n, p: _percent(n.share)}),
            (self._times, {" p50": lambda n, p: _ms(n.p50_s), " p95": lambda n, p: _ms(n.p95_s)}),
            (self._errors, {"": lambda n, p: _percent(n.error_rate)}),
            (self._rates, {"": lambda n, p: round(n.requests / p.seconds, 2)}),
        ):
            draw(
                chart,
                [
                    line(f"{name}{suffix}", _points(service.points, name, value), **_dashed(suffix))
                    for name in names
                    for suffix, value in values.items()
                ],
            )

    def _chart(self, key: str, y: dict[str, Any]) -> ui.echart:
        sentence = self._screen.say(key)
        with ui.element("figure").classes("k-figure"):
            with ui.element("figcaption").classes("k-subtitle"):
                ui.label(sentence)
            chart = ui.echart(line_chart(y, {"type": "time"})).classes("k-plot")
        chart.props["role"], chart.props["aria-label"] = "img", sentence
        return chart


def _points(points: tuple[Point, ...], name: str, value: Value) -> list[list[float | None]]:
    return [
        [
            1000 * point.at,
            next((value(n, point) for n in point.numbers if n.revision == name), None),
        ]
        for point in points
    ]


def _dashed(suffix: str) -> dict[str, Any]:
    return {"lineStyle": {"type": "dashed"}} if suffix == " p95" else {}


def _percent(share: float | None) -> float | None:
    return None if share is None else round(100 * share, 2)


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(1000 * seconds, 3)
