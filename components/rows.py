"""The rows of a table artifact as models take them: cells by column, and labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from components.table_schema import TableSchema


@dataclass(frozen=True)
class Rows:
    """Input cells as `serving.signature.encode` takes them, and the label of every row.

    `labels` are float64 where the target is a quantity (`schema.is_quantity`).
    """

    schema: TableSchema
    cells: Mapping[str, np.ndarray]
    labels: np.ndarray


def read(directory: Path) -> Rows:
    """Return the rows of a table artifact."""
    from components import dataset

    target = dataset.read_target(directory)
    cells = dataset.read_columns(directory)
    schema = dataset.read_schema(directory)
    labels = target.astype(np.float64) if schema.is_quantity else classes(target)
    return Rows(schema, cells, labels)


def classes(target: np.ndarray) -> np.ndarray:
    """Return the target as class labels: integers stay, booleans and texts are str.

    ONNX knows integer and text labels only, so True is the label "True".
    """
    return target.astype(np.int64) if target.dtype.kind in "iu" else target.astype(np.str_)
