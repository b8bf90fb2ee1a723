"""What validation knows of a table, and what it says about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from components.table_schema import TableSchema

Level = Literal["error", "warning", "note"]
LEVELS: tuple[Level, ...] = ("error", "warning", "note")
# Below this many rows a column of unique or telling values is nothing strange.
ENOUGH_ROWS = 20
LISTED = 5


@dataclass(frozen=True)
class Facts:
    """A table in numbers; `classes`: most frequent first; `solo`: accuracy of a column alone.

    Where the target is a quantity there are no classes, and `solo` is the R² of a column alone.
    `top`: each column's most frequent value and its share of the present cells; `twins`: groups of
    columns that say the same; `spellings`: by text column, words that differ in case or space only;
    `looked`: rows that these three and `solo` are from (0: all).
    """

    schema: TableSchema
    classes: tuple[tuple[str | int | bool, int], ...]
    duplicates: int
    solo: Mapping[str, float]
    top: Mapping[str, tuple[object, float]] = field(default_factory=dict)
    twins: tuple[tuple[str, ...], ...] = ()
    spellings: Mapping[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)
    looked: int = 0


@dataclass(frozen=True)
class Finding:
    """One thing that was found; `column` is None where it is about rows or the whole table."""

    level: Level
    check: str
    column: str | None
    numbers: Mapping[str, float]
    sentence: str


Found = Iterator[Finding]


def count(number: int, noun: str) -> str:
    """Return "1 row" or "7 rows"."""
    plural = noun + ("es" if noun.endswith("s") else "s")
    return f"1 {noun}" if number == 1 else f"{number:,} {plural}"


def listed(values: Sequence[object]) -> str:
    """Return the first few values in quotes, and whether there are more."""
    more = ", …" if len(values) > LISTED else ""
    return ", ".join(f"{value!r:.80}" for value in values[:LISTED]) + more


def leave_out(column: str) -> str:
    """Return how a column is left out."""
    return f"leave it out with --drop {column!r} (data.drop in a spec)"
