"""A table that changes under the eyes of who reads it: rows come, go and move, none is rebuilt."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

from nicegui import ui

T = TypeVar("T")
Show = Callable[[T], None]


class LiveTable(Generic[T]):
    """A table whose rows have keys.

    `make` fills a new row with its cells, given its key, and returns what shows a value in them.
    `empty`: what stands there while there are no rows.
    """

    def __init__(
        self, name: str, labels: Sequence[str], make: Callable[[str], Show[T]], empty: str
    ) -> None:
        self._make = make
        self._rows: dict[str, tuple[ui.element, Show[T]]] = {}
        self._empty = ui.label(empty).classes("k-quiet")
        with ui.element("div").classes("k-wide") as self._around:
            self._around.props(f'role="region" tabindex="0" aria-label="{name}"')
            with ui.element("table").classes("k-table"):
                with ui.element("thead"), ui.element("tr"):
                    for label in labels:
                        _heading(label)
                self._body = ui.element("tbody")
        self._around.set_visibility(False)

    def show(self, values: Mapping[str, T]) -> None:
        """Show these rows, in this order."""
        for key in [key for key in self._rows if key not in values]:
            self._rows.pop(key)[0].delete()
        for key in values:
            if key not in self._rows:
                self._rows[key] = self._made(key)
        if list(self._rows) != list(values):
            self._rows = {key: self._rows[key] for key in values}
            for place, (row, _) in enumerate(self._rows.values()):
                row.move(target_index=place)
        for key, value in values.items():
            self._rows[key][1](value)
        self._empty.set_visibility(not values)
        self._around.set_visibility(bool(values))

    def _made(self, key: str) -> tuple[ui.element, Show[T]]:
        with self._body, ui.element("tr") as row:
            return row, self._make(key)


def cell(numeric: bool = False) -> ui.label:
    """Add a cell to the row that is being made, and return what its text is set on."""
    with ui.element("td"):
        return ui.label().classes("k-number" if numeric else "")


def _heading(label: str) -> None:
    with ui.element("th").props('scope="col"'):
        ui.label(label)
