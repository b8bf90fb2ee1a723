"""What a run uses of its machine as it goes on, what each step took, and what that would cost."""

from __future__ import annotations

import time

from nicegui import ui

from console.data.plots import Plots
from console.data.run import Monitored
from console.data.run_cost import Part, parts, price_of
from console.widgets.charts import draw, line, line_chart
from console.widgets.live_table import LiveTable, Show, cell
from console.widgets.parts import heading
from console.widgets.screen import Screen
from pipelines.costs import BETWEEN

COOKIE = "kanarya_price"
COLUMNS = ("step", "time", "cpu", "cores", "memory", "cost")
KEPT_S = 31_536_000


class RunUsage:
    """A part of the page that is there once a step has ended or was looked at."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._run: Monitored | None = None
        self._parts: tuple[Part, ...] = ()
        self._plots: dict[str, ui.echart] = {}
        with ui.element("section") as self._section:
            heading(screen.say("usage.title"))
            self._place = ui.element("div").classes("k-charts")
            labels = [screen.say(f"usage.{name}") for name in COLUMNS]
            self._table: LiveTable[Part] = LiveTable(
                screen.say("usage.title"), labels, self._row, screen.say("usage.none")
            )
            self._sum = ui.label().classes("k-number k-strong").props("role=status")
            self._price = ui.input(screen.say("usage.price"), on_change=self._priced)
            self._price.set_value(screen.cookies.get(COOKIE, ""))
            self._price.props("dense outlined inputmode=decimal maxlength=12").classes("k-price")
            ui.label(screen.say("usage.what")).classes("k-quiet k-small")
        self._section.set_visibility(False)

    def show(self, run: Monitored) -> None:
        """Show the run as it is now."""
        self._run = run
        self._draw(run.uses)
        # Whole seconds: what goes on is told to every browser once a second, not at every change.
        found = parts(run, price_of(self._price.value or ""), time.time() // 1)
        if found == self._parts:
            return
        self._parts = found
        self._section.set_visibility(bool(found))
        self._table.show({each.name: each for each in found})
        whole = self._screen.lasting(sum(each.seconds for each in found))
        cost = sum(each.cost or 0.0 for each in found)
        priced = any(each.cost is not None for each in found)
        key = "usage.sum_cost" if priced else "usage.sum"
        self._sum.set_text(self._screen.say(key, time=whole, cost=f"{cost:.4f}"))

    def _priced(self) -> None:
        if self._run is not None:
            price = price_of(self._price.value or "")
            kept = f"{price:g}" if price else ""
            said = f"{COOKIE}={kept}; path=/; max-age={KEPT_S}; SameSite=Strict"
            ui.run_javascript(f"document.cookie = {said!r}")
            self.show(self._run)

    def _draw(self, plots: Plots) -> None:
        for name, lines in plots.items():
            if name not in self._plots:
                self._plots[name] = self._chart(name)
            draw(self._plots[name], [line(step, points) for step, points in lines.items()])

    def _chart(self, name: str) -> ui.echart:
        key = f"usage.chart.{name}"
        title = self._screen.say(key) if self._screen.texts.has(key) else name
        with self._place, ui.element("figure").classes("k-figure"):
            with ui.element("figcaption").classes("k-subtitle"):
                ui.label(title)
            chart = ui.echart(line_chart({"min": 0, "scale": False}, {"type": "time"}))
        chart.props["role"], chart.props["aria-label"] = "img", title
        return chart.classes("k-chart")

    def _row(self, name: str) -> Show[Part]:
        cell().set_text(self._screen.say("usage.between") if name == BETWEEN else name)
        took, cpu, cores, memory, cost = (cell(numeric=True) for _ in range(5))

        def show(part: Part) -> None:
            used = part.used
            took.set_text(self._screen.lasting(part.seconds))
            cpu.set_text(self._screen.lasting(used.cpu_s) if used else "–")
            cores.set_text(f"{used.cpu_s / used.seconds:.1f}" if used and used.seconds else "–")
            memory.set_text(f"{used.memory_mb:,.0f} MB" if used else "–")
            cost.set_text("–" if part.cost is None else f"{part.cost:.4f}")

        return show
