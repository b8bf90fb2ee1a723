"""What stands above the table of runs: search, filters, columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from nicegui import ui

from console.data import run_columns, run_query
from console.widgets.run_list import RunList, column_word, status_word, where_word
from console.widgets.screen import Screen

Choices = Mapping[str, Mapping[str, int]]


class RunFilters:
    """The controls of one browser; each change is a new view of the list."""

    def __init__(self, screen: Screen, runs: RunList, choices: Choices) -> None:
        self.screen, self.runs = screen, runs
        with ui.row().classes("k-filters items-end full-width"):
            self._search()
            self._selects = {name: self._select(name, choices) for name in run_query.FILTERS}
            self._offer_places()
            ui.button(screen.say("runs.clear"), icon="filter_alt_off", on_click=self._clear).props(
                "flat no-caps"
            )
            ui.space()
            self._columns(choices["metrics"])

    def _search(self) -> None:
        self._text = ui.input(self.screen.say("runs.search"), value=self.runs.view.query.text)
        self._text.props("outlined dense clearable debounce=250 type=search maxlength=200")
        self._text.classes("k-search").on_value_change(self._changed)

    def _select(self, name: str, choices: Choices) -> ui.select:
        chosen = getattr(self.runs.view.query, run_query.FILTERS[name])
        select = ui.select(
            self._options(name, choices),
            label=self.screen.say(f"runs.{name}"),
            multiple=True,
            value=sorted(chosen),
            on_change=self._changed,
        )
        return select.props("outlined dense options-dense clearable").classes("k-filter")

    def refresh(self, choices: Choices) -> None:
        """Offer what there is now; a count alone that has changed moves nothing."""
        for name, select in self._selects.items():
            options = self._options(name, choices)
            if options.keys() != dict(select.options).keys():
                select.set_options(options)
        self._offer_places()

    def _offer_places(self) -> None:
        """Offer to choose a place where there are runs in more than one."""
        select = self._selects["where"]
        select.set_visibility(len(select.options) > 1 or bool(select.value))

    def _options(self, name: str, choices: Choices) -> dict[str, str]:
        field = run_query.FILTERS[name]
        chosen = getattr(self.runs.view.query, field)
        counted = {**dict.fromkeys(sorted(chosen), 0), **choices[field]}
        return {v: f"{self._word(name, v)} ({n})" for v, n in counted.items() if v}

    def _word(self, name: str, value: str) -> str:
        words = {"status": status_word, "where": where_word}
        return words[name](self.screen, value) if name in words else value

    async def _changed(self) -> None:
        chosen = {name: select.value or () for name, select in self._selects.items()}
        text = (self._text.value or "")[: run_query.LONGEST]
        query = run_query.filtered(replace(self.runs.view.query, text=text), chosen)
        if query != self.runs.view.query:
            await self.runs.ask(replace(self.runs.view, query=query, number=1))

    async def _clear(self) -> None:
        for select in self._selects.values():
            select.set_value([])
        self._text.set_value("")

    def _columns(self, metrics: Mapping[str, int]) -> None:
        say = self.screen.say
        with ui.button(say("runs.columns"), icon="view_column").props("flat no-caps"), ui.menu():
            boxes = {}
            for name in run_columns.all_columns(metrics):
                word, shown = column_word(self.screen, name), name in self.runs.columns
                with ui.element("div").classes("q-px-md"):
                    boxes[name] = ui.checkbox(word, value=shown).props("dense")
                boxes[name].set_enabled(name != run_columns.FIELDS[0])

            async def choose() -> None:
                columns = tuple(name for name, box in boxes.items() if box.value)
                await self.runs.choose(columns)
                said = f"{run_columns.COOKIE}={run_columns.remembered(columns)}"
                kept = f"{said}; path=/; max-age=31536000; SameSite=Strict"
                ui.run_javascript(f"document.cookie = {kept!r}")

            for box in boxes.values():
                box.on_value_change(choose)
