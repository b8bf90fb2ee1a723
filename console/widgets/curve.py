"""The curve of a run, growing while it trains: the losses, and the other metrics beside."""

from __future__ import annotations

from nicegui import ui

from console.data.run import Monitored
from console.widgets.charts import draw, line, line_chart
from console.widgets.screen import Screen
from pipelines.run_events import Measured
from serving.figures import figure


class Curves:
    """One chart per metric, with training and validation in it; nothing where none was measured."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._charts: dict[str, ui.echart] = {}
        self._count = 0
        self._section = ui.element("section")
        with self._section:
            ui.html(f"<h2>{screen.say('run.curve')}</h2>", sanitize=False)
            self._place = ui.element("div").classes("k-charts")
            self._said = ui.label().classes("k-quiet k-number").props("aria-live=polite")
        self._section.set_visibility(False)

    def show(self, run: Monitored) -> None:
        """Show the curve as it is now."""
        if len(run.curve) == self._count:
            return
        self._count = len(run.curve)
        self._section.set_visibility(bool(run.curve))
        for metric, lines in run.curves.items():
            if metric not in self._charts:
                self._charts[metric] = self._chart(metric)
            draw(self._charts[metric], [line(name, points) for name, points in lines.items()])
        if run.curve:
            self._tell(run.curve[-1])

    def _chart(self, metric: str) -> ui.echart:
        name = self._screen.say("run.curve.epoch")
        middle = {"name": name, "nameLocation": "middle", "nameGap": 26}
        options = line_chart({}, {**middle, "min": "dataMin", "minInterval": 1})
        with self._place:
            chart = ui.echart(options).classes("k-chart")
        return chart.props(f'role=img aria-label="{self._screen.say("run.curve")}: {metric}"')

    def _tell(self, last: Measured) -> None:
        values = ", ".join(f"{name} {figure(value)}" for name, value in sorted(last.values.items()))
        self._said.set_text(self._screen.say("run.curve.said", epoch=last.epoch, values=values))
