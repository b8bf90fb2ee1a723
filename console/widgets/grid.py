"""A table of what is known: links, badges and numbers in their cells, everything else as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from nicegui import ui

from console.widgets.screen import Screen

Kind = Literal["text", "link", "badges", "number", "code", "prose"]
Row = Mapping[str, Any]
"""Cells by column. A link has its address in `<column>_to`, a sentence its
language, where that is not the page's, in `<column>_lang`; badges are pairs of level and word."""

_CELLS = {
    "link": """<q-td :props="props"><a v-if="props.row[props.col.name + '_to']"
        :href="props.row[props.col.name + '_to']">{{ props.value }}</a>
        <span v-else>{{ props.value }}</span></q-td>""",
    "badges": """<q-td :props="props"><span v-for="each in props.value" :key="each[1]"
        :class="'k-badge q-mr-xs k-' + each[0]">{{ each[1] }}</span></q-td>""",
    "prose": """<q-td :props="props"><div class="k-prose"
        :lang="props.row[props.col.name + '_lang']">{{ props.value }}</div></q-td>""",
    "code": '<q-td :props="props"><span class="k-mono">{{ props.value }}</span></q-td>',
    "number": '<q-td :props="props"><span class="k-number">{{ props.value }}</span></q-td>',
}


def grid(
    screen: Screen, prefix: str, columns: Mapping[str, Kind], rows: Sequence[Row], key: str
) -> ui.table:
    """Show a table; a column's label is the sentence `<prefix>.<column>`."""
    heads = [
        {
            "name": name,
            "label": screen.say(f"{prefix}.{name}"),
            "field": name,
            "align": "right" if kind == "number" else "left",
        }
        for name, kind in columns.items()
    ]
    with ui.element("div").classes("k-wide").props('tabindex="0" role="region"') as wide:
        table = ui.table(rows=[*map(dict, rows)], columns=heads, row_key=key)
    wide.props(f'aria-label="{screen.say(f"{prefix}.title")}"')
    table.props("flat dense wrap-cells").classes("k-grid")
    table.props["no-data-label"] = screen.say(f"{prefix}.none")
    paged(screen, table, len(rows))
    for name, kind in columns.items():
        if kind in _CELLS:
            table.add_slot(f"body-cell-{name}", _CELLS[kind])
    return table


def said(screen: Screen, column: str, sentence: str) -> Row:
    """Return the cell of a sentence of the engine, in the language of the page where it can be."""
    told = screen.told(sentence)
    lang = screen.foreign(told)
    return {column: told.text} | ({f"{column}_lang": lang} if lang else {})


def paged(screen: Screen, table: ui.table, count: int) -> None:
    """Turn pages where there are many rows, and show no foot where there are few."""
    if count <= 25:
        table.props("hide-pagination :pagination='{rowsPerPage: 0}'")
        return
    table.props["rows-per-page-label"] = screen.say("models.rows")
    table.pagination = {"rowsPerPage": 25}


def renew(table: ui.table, rows: Sequence[Row]) -> None:
    """Show other rows in place of those there are, if they differ."""
    found = [*map(dict, rows)]
    if found != table.rows:
        table.rows = found
