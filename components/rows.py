"""The rows of a table artifact as models take them: cells by column, and labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from components.table_schema import TableSchema

MOST_CELLS, LEAST_ROWS = 5_000_000, 10_000
"""How much of a table `part` returns: so many cells, but so many rows at the least."""
WORD, ANSWERS = 3, 3
"""Cells that a word counts for, and the answers to a row for each class."""


@dataclass(frozen=True)
class Rows:
    """Input cells as `serving.signature.encode` takes them, and the label of every row.

    `schema`: of the whole table, of which these may be a part. `labels` are float64 where the
    target is a quantity (`schema.is_quantity`).
    """

    schema: TableSchema
    cells: Mapping[str, np.ndarray]
    labels: np.ndarray

    @property
    def told(self) -> str:
        """How many rows these are, and of how many."""
        own, all_ = len(self.labels), self.schema.rows
        return f"{own:,}" if own == all_ else f"{own:,} of {all_:,} (drawn over all of them)"


def read(directory: Path) -> Rows:
    """Return the rows of a table artifact."""
    from components import dataset

    target = dataset.read_target(directory)
    cells = dataset.read_columns(directory)
    schema = dataset.read_schema(directory)
    return Rows(schema, cells, _labels(schema, target))


def _labels(schema: TableSchema, target: np.ndarray) -> np.ndarray:
    return target.astype(np.float64) if schema.is_quantity else classes(target)


def part(directory: Path) -> Rows:
    """Return the rows of a table artifact; of a large one a part that is drawn over all of it.

    Always the same rows of the same table, so that steps which look at its rows look at the same.
    """
    from components import dataset
    from components.table_schema import read_schema

    schema = read_schema(directory)
    told = 0 if schema.is_quantity else schema.column(schema.target).distinct
    cells = sum(WORD if column.kind == "text" else 1 for column in schema.columns)
    most = max(MOST_CELLS // (cells + ANSWERS * told), LEAST_ROWS)
    if schema.rows <= most:
        return read(directory)
    found = dataset.read_part(directory, most)
    target = found.pop(schema.target)
    return Rows(schema, found, _labels(schema, target))


def classes(target: np.ndarray) -> np.ndarray:
    """Return the target as class labels: integers stay, booleans and texts are str.

    ONNX knows integer and text labels only, so True is the label "True".
    """
    return target.astype(np.int64) if target.dtype.kind in "iu" else target.astype(np.str_)
