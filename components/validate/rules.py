"""What is wrong with a table: facts in, findings out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from components.table_schema import TableColumn, TableSchema

Level = Literal["error", "warning", "note"]
LEVELS: tuple[Level, ...] = ("error", "warning", "note")

LEAST_ROWS_A_CLASS = 2
IMBALANCE = 10.0
MISSING_WARNING = 0.5
MISSING_NOTE = 0.2
DUPLICATES_WARNING = 0.05
ID_LIKE = 0.95
LEAK = 0.98
# Below this many rows a column of unique or telling values is nothing strange.
ENOUGH_ROWS = 20
_LISTED = 5


@dataclass(frozen=True)
class Facts:
    """A table in numbers; `classes`: most frequent first; `solo`: accuracy of a column alone.

    Where the target is a quantity there are no classes, and `solo` is the square of a column's
    correlation with it.
    """

    schema: TableSchema
    classes: tuple[tuple[str | int | bool, int], ...]
    duplicates: int
    solo: Mapping[str, float]


@dataclass(frozen=True)
class Finding:
    """One thing that was found; `column` is None where it is about rows or the whole table."""

    level: Level
    check: str
    column: str | None
    numbers: Mapping[str, float]
    sentence: str


def findings(facts: Facts) -> tuple[Finding, ...]:
    """Return everything that was found, the worst first."""
    found = [finding for check in _CHECKS for finding in check(facts)]
    return tuple(sorted(found, key=lambda finding: LEVELS.index(finding.level)))


def errors_in_one_sentence(found: Iterable[Finding]) -> str | None:
    """Return one sentence that names all errors; None where there are none."""
    errors = [finding.sentence.rstrip(".") for finding in found if finding.level == "error"]
    return f"The table cannot be trained on: {'; '.join(errors)}." if errors else None


def _all_missing(facts: Facts) -> Iterator[Finding]:
    for column in facts.schema.inputs:
        if column.missing == facts.schema.rows:
            yield Finding(
                "error",
                "all_missing",
                column.name,
                {"missing": column.missing},
                f"Column {column.name!r} is missing in all {column.missing:,} rows: leave it out "
                f"with --drop {column.name!r} (data.drop in a spec).",
            )


def _classes(facts: Facts) -> Iterator[Finding]:
    target = facts.schema.target
    if facts.schema.is_quantity:
        yield from _constant_target(facts.schema)
        return
    if len(facts.classes) == 1:
        label, rows = facts.classes[0]
        yield Finding(
            "error",
            "single_class",
            target,
            {"classes": 1, "rows": rows},
            f"The target {target!r} has a single class, {label!r}, in all {rows:,} rows: there is "
            "nothing to tell apart, choose another target.",
        )
        return
    yield from _rare_classes(facts)


def _constant_target(schema: TableSchema) -> Iterator[Finding]:
    target = schema.column(schema.target)
    if target.distinct == 1:
        yield Finding(
            "error",
            "constant_target",
            schema.target,
            {"distinct": 1, "rows": schema.rows},
            f"The target {schema.target!r} is {target.minimum:g} in all {schema.rows:,} rows: "
            "there is nothing to predict, choose another target.",
        )


def _rare_classes(facts: Facts) -> Iterator[Finding]:
    rare = [label for label, rows in facts.classes if rows < LEAST_ROWS_A_CLASS]
    if rare:
        named = ", ".join(map(repr, rare[:_LISTED])) + (", …" if len(rare) > _LISTED else "")
        yield Finding(
            "error",
            "rare_class",
            facts.schema.target,
            {"classes": len(rare), "least": LEAST_ROWS_A_CLASS},
            f"The target {facts.schema.target!r} has {_count(len(rare), 'class')} ({named}) with "
            f"fewer than {LEAST_ROWS_A_CLASS} rows, too few to train and to test on: add rows or "
            "merge classes.",
        )


def _imbalance(facts: Facts) -> Iterator[Finding]:
    if not facts.classes:
        return
    (most, many), (least, few) = facts.classes[0], facts.classes[-1]
    if len(facts.classes) > 1 and many / few >= IMBALANCE:
        yield Finding(
            "warning",
            "imbalance",
            facts.schema.target,
            {"largest": many, "smallest": few, "ratio": many / few},
            f"Class {most!r} has {many / few:.1f} times as many rows ({many:,}) as class {least!r} "
            f"({few:,}): judge the model by balanced_accuracy or f1_macro.",
        )


def _leakage(facts: Facts) -> Iterator[Finding]:
    rows = facts.schema.rows
    if facts.schema.is_quantity:
        yield from _copies(facts)
        return
    base = facts.classes[0][1] / rows
    if rows < ENOUGH_ROWS or base == 1:
        return
    for name, accuracy in facts.solo.items():
        if (accuracy - base) / (1 - base) >= LEAK:
            yield Finding(
                "warning",
                "leakage",
                name,
                {"accuracy": accuracy, "base": base},
                f"Column {name!r} alone tells the target {facts.schema.target!r} in "
                f"{accuracy:.1%} of the rows, always guessing the largest class in {base:.1%}: if "
                f"it is known only afterwards, leave it out with --drop {name!r}.",
            )


def _copies(facts: Facts) -> Iterator[Finding]:
    for name, share in facts.solo.items():
        if share >= LEAK and facts.schema.rows >= ENOUGH_ROWS:
            yield Finding(
                "warning",
                "leakage",
                name,
                {"r2": share},
                f"Column {name!r} alone explains {share:.1%} of the target "
                f"{facts.schema.target!r}: if it is known only afterwards, leave it out with "
                f"--drop {name!r}.",
            )


def _constant(facts: Facts) -> Iterator[Finding]:
    for column in facts.schema.inputs:
        if column.distinct == 1 and not column.missing:
            yield Finding(
                "warning",
                "constant",
                column.name,
                {"distinct": 1, "rows": facts.schema.rows},
                f"Column {column.name!r} has the same value in all {facts.schema.rows:,} rows: it "
                f"tells nothing, leave it out with --drop {column.name!r}.",
            )


def _id_like(facts: Facts) -> Iterator[Finding]:
    for column in facts.schema.inputs:
        if _names_rows(column, facts.schema.rows):
            present = facts.schema.rows - column.missing
            yield Finding(
                "warning",
                "id_like",
                column.name,
                {"distinct": column.distinct, "present": present},
                f"Column {column.name!r} has {column.distinct:,} different values in {present:,} "
                f"rows: it only names them, leave it out with --drop {column.name!r}.",
            )


def _names_rows(column: TableColumn, rows: int) -> bool:
    """Say whether nearly every text is unique, or whole numbers count the rows."""
    present = rows - column.missing
    if present < ENOUGH_ROWS:
        return False
    if column.kind == "text":
        return column.distinct >= ID_LIKE * present
    counts = column.kind == "integer" and column.distinct == present == rows
    return counts and (column.maximum or 0) - (column.minimum or 0) == rows - 1


def _missing(facts: Facts) -> Iterator[Finding]:
    rows = facts.schema.rows
    for column in facts.schema.inputs:
        share = column.missing / rows
        if MISSING_NOTE <= share < 1:
            yield Finding(
                "warning" if share >= MISSING_WARNING else "note",
                "missing",
                column.name,
                {"missing": column.missing, "share": share},
                f"Column {column.name!r} is missing in {column.missing:,} of {rows:,} rows "
                f"({share:.1%}).",
            )


def _duplicates(facts: Facts) -> Iterator[Finding]:
    share = facts.duplicates / facts.schema.rows
    if facts.duplicates:
        yield Finding(
            "warning" if share >= DUPLICATES_WARNING else "note",
            "duplicates",
            None,
            {"duplicates": facts.duplicates, "share": share},
            f"The table has {_count(facts.duplicates, 'row')} with the same cells as a row above "
            f"({share:.1%}): the same row may be trained on and tested on.",
        )


def _without_target(facts: Facts) -> Iterator[Finding]:
    left_out = facts.schema.rows_without_target
    if left_out:
        yield Finding(
            "note",
            "missing_target",
            facts.schema.target,
            {"rows": left_out},
            f"{_count(left_out, 'row')} without a value of the target {facts.schema.target!r} "
            f"{'was' if left_out == 1 else 'were'} left out.",
        )


def _count(number: int, noun: str) -> str:
    """Return "1 row" or "7 rows"."""
    plural = noun + ("es" if noun.endswith("s") else "s")
    return f"1 {noun}" if number == 1 else f"{number:,} {plural}"


_CHECKS: tuple[Callable[[Facts], Iterator[Finding]], ...] = (
    _all_missing,
    _classes,
    _leakage,
    _constant,
    _id_like,
    _imbalance,
    _missing,
    _duplicates,
    _without_target,
)
