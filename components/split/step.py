"""Split with files: one table artifact in, two out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from components import dataset, table_facts, telling
from components.split import rules
from components.split.rules import Choice
from components.table_schema import TableSchema

__all__ = ["Choice", "Parts", "run"]


@dataclass(frozen=True)
class Parts:
    """What was written, as the metadata of the two artifacts."""

    train: dict[str, int | str]
    test: dict[str, int | str]


def run(table: Path, choice: Choice, train: Path, test: Path) -> Parts:
    """Write the two parts of the table, each with its rows in the table's order."""
    mask = rules.test_rows(_strata(table, choice), choice)
    dataset.split_rows(table, mask, (train, test))
    return Parts(*map(_metadata, map(dataset.read_schema, (train, test))))


def _strata(table: Path, choice: Choice) -> np.ndarray:
    if dataset.read_schema(table).is_quantity:
        return rules.strata(dataset.read_target(table), choice)
    return dataset.read_classes(table)


def overlap(train: Path, test: Path) -> int:
    """Say and return how many test rows are, cell by cell, training rows too.

    Equal rows are left where chance puts them: of a table with few different rows there would be
    no split otherwise, and what comes later may well be equal, too.
    """
    same = table_facts.overlapping_rows(train, test)
    telling.note(rules.overlap_told(same, dataset.read_schema(test).rows))
    return same


def _metadata(schema: TableSchema) -> dict[str, int | str]:
    return {"rows": schema.rows, "columns": len(schema.columns), "sha256": schema.sha256}
