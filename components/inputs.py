"""What a model takes, read off its training part."""

from __future__ import annotations

import numpy as np

from components.rows import Rows
from components.table_schema import TableColumn
from serving.errors import UsageError
from serving.signature import Column

FLOAT32 = 3.4e38
LISTED_CATEGORIES = 100
"""A text column with more values than this does not list them in the card."""


def columns(rows: Rows) -> tuple[Column, ...]:
    """Return the input columns as the training part shows them."""
    return tuple(_column(column, rows.cells[column.name]) for column in rows.schema.inputs)


def _column(column: TableColumn, cells: np.ndarray) -> Column:
    listed = column.kind == "text" and column.distinct <= LISTED_CATEGORIES
    return Column(
        name=column.name,
        kind=column.kind,
        nullable=column.missing > 0,
        categories=tuple(sorted({str(c) for c in cells if c is not None})) if listed else (),
        minimum=column.minimum,
        maximum=column.maximum,
    )


def refuse_unlearnable(rows: Rows) -> None:
    """Raise `UsageError` where there are no columns to learn from or only one class to learn."""
    target = rows.schema.target
    if not rows.schema.inputs:
        raise UsageError(f"There is no column but the target {target!r}; keep one to learn from.")
    found = np.unique(rows.labels)
    if rows.schema.is_quantity and not (np.abs(found) < FLOAT32).all():
        raise UsageError(f"The target {target!r} holds a number beyond 3.4e38; correct the row.")
    if len(found) < 2:
        only = f"only {found[0]!s}" if len(found) else "no value"
        raise UsageError(f"The target {target!r} has {only} in the training part; it needs two.")
