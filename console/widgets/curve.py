"""The curve of a run, growing while it trains: the losses, and the other metrics beside."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nicegui import ui

from console.widgets.charts import line, line_chart
from console.widgets.screen import Screen
from pipelines.run_events import Measured
from serving.figures import figure

PREFIXES = ("train_", "val_")


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

    def show(self, curve: Sequence[Measured]) -> None:
        """Show the curve as it is now."""
        if len(curve) == self._count:
            return
        self._count = len(curve)
        self._section.set_visibility(bool(curve))
        for metric in metrics(curve):
            if metric not in self._charts:
                self._charts[metric] = self._chart(metric)
            chart = self._charts[metric]
            chart.options["series"] = series(curve, metric)
            chart.update()
        if curve:
            self._tell(curve[-1])

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


def metrics(curve: Iterable[Measured]) -> list[str]:
    """Return the metrics that were measured, each once; loss first."""
    names = {bare(name) for each in curve for name in each.values}
    return sorted(names, key=lambda name: (name != "loss", name))


def bare(name: str) -> str:
    """Return a metric's name without the part of the data that it was measured on."""
    return next((name[len(p) :] for p in PREFIXES if name.startswith(p)), name)


def series(curve: Sequence[Measured], metric: str) -> list[dict[str, object]]:
    """Return the lines of one metric: its training and its validation."""
    names = sorted({n for each in curve for n in each.values if bare(n) == metric})
    return [
        line(n, [[each.epoch, each.values[n]] for each in curve if n in each.values]) for n in names
    ]
