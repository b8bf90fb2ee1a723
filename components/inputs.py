"""What a model takes: its columns, read off the training part, and what the rest of them shows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from components.rows import Rows
from components.table_schema import TableColumn, TableSchema
from serving.errors import UsageError
from serving.signature import Column

FLOAT32 = 3.4e38
LISTED_CATEGORIES = 100
"""A text column with more values than this does not list them in the card."""


def columns(rows: Rows) -> tuple[Column, ...]:
    """Return the input columns as the training part shows them."""
    return tuple(column(each, rows.cells[each.name]) for each in rows.schema.inputs)


def column(given: TableColumn, words: Iterable[object]) -> Column:
    """Return an input column; `words`: of a text column the cells, or each of them once."""
    listed = given.kind == "text" and given.distinct <= LISTED_CATEGORIES
    return Column(
        name=given.name,
        kind=given.kind,
        nullable=given.missing > 0,
        categories=tuple(sorted({str(word) for word in words if word is not None}))
        if listed
        else (),
        minimum=given.minimum,
        maximum=given.maximum,
    )


def widened(columns: tuple[Column, ...], table: Path) -> tuple[Column, ...]:
    """Return the columns as one more part of their table shows them.

    Chance decides in which part a rare word or a missing cell is, and must not decide what a live
    model refuses: it answers such rows, as its evaluation shows.
    """
    from components import dataset

    schema = dataset.read_schema(table)
    words: dict[str, set[Any]] = {each.name: set() for each in columns if each.categories}
    for cells in dataset.batches(table, [*words]) if words else ():
        for name, found in words.items():
            found.update(cells[name].tolist())
    return tuple(_with(each, schema.column(each.name), words.get(each.name)) for each in columns)


def _with(known: Column, more: TableColumn, words: set[Any] | None) -> Column:
    listed = tuple(sorted({*known.categories, *(words or ())} - {None}))
    lows = [low for low in (known.minimum, more.minimum) if low is not None]
    highs = [high for high in (known.maximum, more.maximum) if high is not None]
    return replace(
        known,
        nullable=known.nullable or more.missing > 0,
        categories=listed if len(listed) <= LISTED_CATEGORIES else (),
        minimum=min(lows, default=None),
        maximum=max(highs, default=None),
    )


def refuse_unlearnable(schema: TableSchema, labels: np.ndarray) -> None:
    """Raise `UsageError` where there are no columns to learn from or only one class to learn.

    `labels`: the target of every row, or each of its values once; of numbers the two ends are
    enough.
    """
    target = schema.target
    if not schema.inputs:
        raise UsageError(f"There is no column but the target {target!r}; keep one to learn from.")
    found = np.unique(labels)
    if schema.is_quantity and not (np.abs(found) < FLOAT32).all():
        raise UsageError(f"The target {target!r} holds a number beyond 3.4e38; correct the row.")
    if len(found) < 2:
        only = f"only {found[0]!s}" if len(found) else "no value"
        raise UsageError(f"The target {target!r} has {only} in the training part; it needs two.")
