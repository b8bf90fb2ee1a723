"""The columns of the table of runs: which there are, which are shown, what their cells say."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, unquote

from console.data.times import duration, moment
from pipelines.run_row import Row

FIELDS = (
    "run_id",
    "status",
    "where",
    "model",
    "version",
    "kind",
    "task",
    "data",
    "target",
    "started",
    "seconds",
    "step",
    "sentence",
)
WHERE = "where"
"""Shown to somebody who chose nothing where there are runs of other places."""
SHOWN_FIRST = ("run_id", "status", "model", "version", "kind", "data", "started", "seconds")
NUMBERS = ("started", "seconds", "version")
METRICS_FIRST = 2
COOKIE = "kanarya_columns"
STATUSES = {
    "promoted": "good",
    "finished": "good",
    "running": "wait",
    "waiting": "wait",
    "queued": "wait",
    "pending": "wait",
    "cancelling": "wait",
    "held": "wait",
    "rejected": "bad",
    "rolled_back": "bad",
    "conflict": "bad",
    "failed": "bad",
    "killed": "bad",
    "damaged": "bad",
}
"""The colour of a status; of any other one (cancelled) none."""


def all_columns(metrics: Iterable[str]) -> tuple[str, ...]:
    """Return every column that there is, with those of metrics last."""
    return (*FIELDS, *(name for name in metrics if name not in FIELDS))


def first_columns(metrics: Mapping[str, int], *, places: int = 1) -> tuple[str, ...]:
    """Return what is shown to somebody who chose nothing; the metrics are those of most runs."""
    common = sorted(metrics, key=lambda name: -metrics[name])
    known = SHOWN_FIRST if places < 2 else (*SHOWN_FIRST[:2], WHERE, *SHOWN_FIRST[2:])
    return (*known, *common[:METRICS_FIRST])


def chosen(cookie: str, metrics: Mapping[str, int], *, places: int = 1) -> tuple[str, ...]:
    """Return the columns that a browser remembers; the run itself is always among them.

    `places`: in how many there are runs.
    """
    known = all_columns(metrics)
    wanted = {unquote(name) for name in cookie.split(".") if name}
    found = tuple(name for name in known if name in wanted or name == FIELDS[0])
    return found if wanted & set(known) else first_columns(metrics, places=places)


def remembered(columns: Iterable[str]) -> str:
    """Return the columns as a cookie's value."""
    return ".".join(quote(name, safe="").replace(".", "%2E") for name in columns)


def cell(row: Row, name: str) -> str:
    """Return what a cell says."""
    value = row.value(name)
    if value is None:
        return ""
    if name == "started":
        return moment(value)
    if name == "seconds":
        return duration(value)
    return value if isinstance(value, str) else number(value)


def cells(row: Row, columns: Iterable[str]) -> dict[str, Any]:
    """Return a row as the browser's table needs it."""
    said = {name: cell(row, name) for name in columns}
    return {**said, "run_id": row.run_id, "k_title": row.title, "k_status": row.status}


def number(value: float) -> str:
    """Return a measured value with four digits, without the noise of more."""
    if not math.isfinite(value):
        return str(value)
    return f"{value:.4f}" if 1e-3 <= abs(value) < 1e5 or not value else f"{value:.3e}"
