"""What one streamed pass over a training part tells, before anything is trained.

A batch of rows is in memory at a time, with counters for each column.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from components import conversion, dataset, inputs, preprocessing
from components.rows import classes
from components.table_schema import TableSchema, read_schema
from components.train.fitting import Request, refuse_other_task
from components.train.medians import Median
from serving.signature import MISSING, Column

if TYPE_CHECKING:
    import pandas as pd

SHOWN_ROWS = 1000
"""Rows that are kept: preprocessing takes its shape from them, and the model its example."""
MOST_WORDS = 200_000
"""Of more different words in a text column the rarer half is forgotten again."""


class Moments:
    """Count, mean and sum of squares around it, batch by batch (Chan et al. 1979)."""

    def __init__(self) -> None:
        self.count, self.mean, self.squares = 0, 0.0, 0.0

    def add(self, values: np.ndarray) -> None:
        """Take in numbers without NaN."""
        if len(values):
            wide = values.astype(np.float64)
            mean = float(wide.mean())
            self.merge(len(wide), mean, float(np.square(wide - mean).sum()))

    def merge(self, count: int, mean: float, squares: float = 0.0) -> None:
        """Take in numbers of which only these three are known."""
        total, apart = self.count + count, mean - self.mean
        if total:
            self.squares += squares + apart**2 * self.count * count / total
            self.mean += apart * count / total
        self.count = total

    @property
    def variance(self) -> float:
        """The mean square around the mean."""
        return self.squares / max(self.count, 1)


class Number:
    """What is learned of a column of numbers; missing cells are NaN."""

    def __init__(self) -> None:
        self.moments, self.median = Moments(), Median()

    def add(self, values: np.ndarray) -> None:
        """Take in cells, float32."""
        present = values[~np.isnan(values)]
        self.moments.add(present)
        self.median.first(present)

    def filled(self, rows: int) -> Moments:
        """Return the moments of the column with its median in the cells that are missing."""
        found, seen = Moments(), self.moments
        found.merge(seen.count, seen.mean, seen.squares)
        found.merge(rows - seen.count, self.median.value)
        return found


@dataclass(frozen=True)
class Survey:
    """Everything that can be refused has been looked at; the rows are still on the disk.

    `classes` (sorted) with `sizes`, the rows of each, where classes are told; else the target has
    the mean and spread `unit`. `words`: of each text column those that get a place.
    """

    table: Path
    schema: TableSchema
    columns: tuple[Column, ...]
    numbers: Mapping[str, Number]
    words: Mapping[str, np.ndarray]
    classes: np.ndarray
    sizes: np.ndarray
    unit: tuple[float, float]
    some: pd.DataFrame


def survey(table: Path, request: Request) -> Survey:
    """Look at every row once; raise `UsageError` for what no model can be made of."""
    schema = read_schema(table)
    refuse_other_task(schema, request)
    bare = tuple(Column(column.name, column.kind) for column in schema.inputs)
    conversion.refuse_names(bare)
    pass_ = _Pass(schema, bare)
    for cells in dataset.batches(table, [*(column.name for column in bare), schema.target]):
        pass_.add(cells)
    inputs.refuse_unlearnable(schema, pass_.ends_or_classes())
    return pass_.found(table)


class _Pass:
    """Takes in batch after batch."""

    def __init__(self, schema: TableSchema, bare: tuple[Column, ...]) -> None:
        self._schema, self._bare, self._rows = schema, bare, 0
        self._numbers = {column.name: Number() for column in bare if column.kind != "text"}
        self._words: dict[str, Counter[str | None]] = {
            column.name: Counter() for column in bare if column.kind == "text"
        }
        self._classes: Counter[str | int] = Counter()
        self._target = Moments()

    def add(self, cells: Mapping[str, np.ndarray]) -> None:
        """Take in the cells of some rows."""
        encoded = preprocessing.encoded(self._bare, cells, self._rows)
        for name, number in self._numbers.items():
            number.add(encoded[name])
        for name, counts in self._words.items():
            counts.update(cells[name].tolist())
            _forget(counts)
        target = cells[self._schema.target]
        if self._schema.is_quantity:
            self._target.add(target)
        else:
            labels, sizes = np.unique(classes(target), return_counts=True)
            self._classes.update(dict(zip(labels.tolist(), sizes.tolist(), strict=True)))
        if not self._rows:
            first = {name: values[:SHOWN_ROWS] for name, values in cells.items()}
            self._some = preprocessing.frame(self._bare, first)
        self._rows += len(target)

    def ends_or_classes(self) -> np.ndarray:
        """Return the classes; of numbers the least and the most."""
        if not self._schema.is_quantity:
            return np.array(sorted(self._classes))
        target = self._schema.column(self._schema.target)
        return np.array([target.minimum, target.maximum], np.float64)

    def found(self, table: Path) -> Survey:
        """Return what all batches told."""
        labels = sorted(self._classes)
        return Survey(
            table=table,
            schema=self._schema,
            columns=tuple(
                inputs.column(column, self._words.get(column.name, ()))
                for column in self._schema.inputs
            ),
            numbers=self._numbers,
            words={name: _known(counts) for name, counts in self._words.items()},
            classes=np.array(labels),
            sizes=np.array([self._classes[label] for label in labels]),
            unit=(self._target.mean, float(np.sqrt(self._target.variance)) or 1.0),
            some=self._some,
        )


def _forget(counts: Counter[str | None]) -> None:
    if len(counts) > MOST_WORDS:
        order = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))
        counts.clear()
        counts.update(dict(order[: MOST_WORDS // 2]))


def _known(counts: Counter[str | None]) -> np.ndarray:
    """Return the words that get a place; a missing cell is a word of its own."""
    words = Counter({word: count for word, count in counts.items() if word is not None})
    words[MISSING] += counts[None]
    return preprocessing.frequent(+words)
