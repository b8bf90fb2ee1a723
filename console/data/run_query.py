"""What a browser asks of the table of runs, as its address says it: every view is a deep link."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from pipelines.run_table import Query

SIZES = (25, 50, 100, 200)
LONGEST = 200
"""Characters of a text that is searched for, and of a value that is filtered by."""
MOST = 50
"""So many values one filter may have."""
MOST_COMPARED = 8
"""So many runs fit side by side."""
FILTERS = {
    "model": "models",
    "kind": "kinds",
    "data": "data",
    "status": "statuses",
    "where": "wheres",
}
"""The parameters of the address, and what of a `Query` each fills."""
NEWEST_FIRST = ("started", "desc")


@dataclass(frozen=True)
class View:
    """What of the table is shown: the page `number` from 1, of `size` rows."""

    query: Query = field(default_factory=Query)
    number: int = 1
    size: int = 50

    def asked(self) -> Query:
        """Return the query with the place of its page."""
        return replace(self.query, offset=(self.number - 1) * self.size, limit=self.size)

    def within(self, total: int) -> View:
        """Return the view, at the last page where there are not so many."""
        pages = max(1, -(-total // self.size))
        return replace(self, number=min(self.number, pages))


def parse(items: Iterable[tuple[str, str]]) -> View:
    """Return the view of an address; what makes no sense in it is as if it were not there."""
    given: dict[str, list[str]] = {}
    for name, value in items:
        given.setdefault(name, []).append(value[:LONGEST])
    one = {name: values[-1].strip() for name, values in given.items()}
    query = Query(
        text=one.get("text", ""),
        sort=one.get("sort") or NEWEST_FIRST[0],
        descending=one.get("order", NEWEST_FIRST[1]) != "asc",
    )
    query = filtered(query, {name: values[:MOST] for name, values in given.items()})
    size = _number(one.get("size", ""))
    return View(query, max(1, _number(one.get("page", ""))), size if size in SIZES else 50)


def filtered(query: Query, values: Mapping[str, Iterable[str]]) -> Query:
    """Return the query with other filters, by the names that they have in an address."""
    chosen: dict[str, Any] = {
        whole: frozenset(values.get(name, ())) - {""} for name, whole in FILTERS.items()
    }
    return replace(query, **chosen)


def address(view: View, path: str = "/") -> str:
    """Return the address of a view: only what is not as it always is."""
    query = view.query
    items = [
        (name, value) for name, whole in FILTERS.items() for value in sorted(getattr(query, whole))
    ]
    order = "desc" if query.descending else "asc"
    items += [("text", query.text)] if query.text else []
    if (query.sort, order) != NEWEST_FIRST:
        items += [("sort", query.sort), ("order", order)]
    items += [("page", str(view.number))] if view.number > 1 else []
    items += [("size", str(view.size))] if view.size != View().size else []
    return f"{path}?{urlencode(items)}" if items else path


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 8 else 0
