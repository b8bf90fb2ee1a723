"""The table of runs: one page of it at a time, updated in place."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from nicegui import events, ui

from console.data import run_columns, run_query
from console.data.run_query import View
from console.widgets.screen import Screen
from pipelines.run_row import Row
from pipelines.run_table import Page

# Quasar sorts by a click alone; a keyboard reaches a head that has a tabindex.
HEAD = """<q-th :props="props" tabindex="0" @keydown.enter.prevent="props.sort(props.col)">
{{ props.col.label }}</q-th>"""
RUN = """<q-td :props="props"><a :href="'/runs/' + encodeURIComponent(props.row.run_id)"
class="k-mono">{{ props.row.k_title }}</a></q-td>"""
STATUS = """<q-td :props="props"><span :class="'k-badge k-' + props.row.k_colour">{{ props.value }}
</span></q-td>"""
SENTENCE = """<q-td :props="props"><div class="k-sentence" :title="props.value"
:lang="props.row.k_lang">{{ props.value }}
</div></q-td>"""
CHECKBOX = """<q-checkbox v-model="props.selected" dense :aria-label="{label}"></q-checkbox>"""


class RunList:
    """What of all runs is shown in one browser."""

    def __init__(self, screen: Screen, view: View, columns: tuple[str, ...]) -> None:
        self.screen, self.view, self.columns = screen, view, columns
        self.found = Page((), 0, 0)
        self._picked: list[Callable[[], None]] = []

    def place(self) -> None:
        """Make the table where the page is now."""
        say = self.screen.say
        with ui.element("div").classes("k-wide"):
            self._table = ui.table(
                rows=[], columns=self._heads(), row_key="run_id", selection="multiple"
            ).classes("k-runs")
        self._table.props("flat dense binary-state-sort color=primary")
        self._table.props["hide-pagination"] = False
        self._table.props["rows-per-page-options"] = list(run_query.SIZES)
        self._table.props["rows-per-page-label"] = say("runs.size")
        self._table.props["no-data-label"] = say("runs.none")
        self._table.props[":selected-rows-label"] = "() => ''"  # said above, in this language
        self._table.props[":pagination-label"] = "(a, b, all) => `${a}–${b} / ${all}`"
        self._slots()
        self._table.on("request", self._requested, ["pagination"])
        self._table.on_select(lambda: self._tell())

    def on_pick(self, then: Callable[[], None]) -> None:
        """Call `then` whenever other runs are picked, or those that are have changed."""
        self._picked.append(then)

    @property
    def picked(self) -> list[str]:
        """Return the ids of the runs that are picked, in the order in which they were."""
        return [row["run_id"] for row in self._table.selected]

    def pick_none(self) -> None:
        """Pick no run."""
        self._table.selected = []
        self._tell()

    async def ask(self, view: View) -> None:
        """Show another view, and let the address say so."""
        self.view = view
        ui.navigate.history.replace(run_query.address(view))
        await self.show()

    async def choose(self, columns: tuple[str, ...]) -> None:
        """Show other columns."""
        self.columns = columns
        self._table.columns = self._heads()
        await self.show()

    async def show(self) -> None:
        """Show what there is now."""
        runs = self.screen.world.runs
        self.found = await asyncio.to_thread(runs.page, self.view.asked())
        if not self.found.rows and self.view.number > 1:
            self.view = self.view.within(self.found.total)
            self.found = await asyncio.to_thread(runs.page, self.view.asked())
        rows = [self._shown(row) for row in self.found.rows]
        if rows != self._table.rows:
            self._table.rows = rows
        pagination = self._pagination()
        if pagination != self._table.pagination:
            self._table.pagination = pagination
        await self._unpick_gone()
        self._tell()

    async def _unpick_gone(self) -> None:
        """Pick no run that was deleted meanwhile: nobody could see it to take the pick away."""
        row, picked = self.screen.world.runs.row, self.picked
        if picked:
            there = await asyncio.to_thread(lambda: {each for each in picked if row(each)})
            if gone := {*picked} - there:
                kept = [each for each in self._table.selected if each["run_id"] not in gone]
                self._table.selected = kept

    def _tell(self) -> None:
        for then in self._picked:
            then()

    def _pagination(self) -> dict[str, Any]:
        return {
            "page": self.view.number,
            "rowsPerPage": self.view.size,
            "rowsNumber": self.found.total,
            "sortBy": self.view.query.sort,
            "descending": self.view.query.descending,
        }

    async def _requested(self, event: events.GenericEventArguments) -> None:
        """Follow a click on a head or on the pages; a third click on a head is the first again."""
        given = event.args["pagination"]
        sort = given.get("sortBy") or run_query.NEWEST_FIRST[0]
        query = replace(self.view.query, sort=str(sort), descending=bool(given.get("descending")))
        sizes = [size for size in run_query.SIZES if size == given.get("rowsPerPage")]
        same = query == self.view.query
        number = int(given.get("page") or 1) if same else 1
        await self.ask(View(query, number, sizes[0] if sizes else self.view.size))

    def _shown(self, row: Row) -> dict[str, Any]:
        said = run_columns.cells(row, self.columns)
        said["k_colour"] = run_columns.STATUSES.get(row.status, "none")
        if "status" in said:
            said["status"] = status_word(self.screen, row.status)
        if "sentence" in said:
            told = self.screen.told(row.sentence)
            said |= {"sentence": told.text, "k_lang": self.screen.foreign(told)}
        if "seconds" in said:
            said["seconds"] = self.screen.texts.units(said["seconds"])
        if "where" in said:
            said["where"] = where_word(self.screen, row.where)
        return said

    def _heads(self) -> list[dict[str, Any]]:
        return [self._head(name) for name in self.columns]

    def _head(self, name: str) -> dict[str, Any]:
        words = name in run_columns.FIELDS and name not in run_columns.NUMBERS
        head = {"name": name, "label": column_word(self.screen, name), "field": name}
        return {
            **head,
            "align": "left" if words else "right",
            "sortable": True,
            "classes": "" if words else "k-number",
        }

    def _slots(self) -> None:
        table, say = self._table, self.screen.say
        table.add_slot("header-cell", HEAD)
        table.add_slot("body-cell-run_id", RUN)
        table.add_slot("body-cell-status", STATUS)
        table.add_slot("body-cell-sentence", SENTENCE)
        whole, one = _js(say("runs.pick_page")), _js(say("runs.pick"))
        table.add_slot("header-selection", CHECKBOX.format(label=whole))
        table.add_slot("body-selection", CHECKBOX.format(label=f"{one} + ' ' + props.row.k_title"))


def status_word(screen: Screen, status: str) -> str:
    """Return a status in the language of the page; one that we do not know as it is."""
    key = f"status.{status}"
    return screen.say(key) if screen.texts.has(key) else status


def where_word(screen: Screen, where: str) -> str:
    """Return a place of runs in the language of the page; one that we do not know as it is."""
    key = f"runs.where.{where}"
    return screen.say(key) if screen.texts.has(key) else where


def column_word(screen: Screen, name: str) -> str:
    """Return the head of a column; the name of a metric is the same in every language."""
    return screen.say(f"runs.{name}") if name in run_columns.FIELDS else name


def _js(text: str) -> str:
    """Return a sentence of the catalogue as a JavaScript literal inside an attribute."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace('"', "&quot;") + "'"
