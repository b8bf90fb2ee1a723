"""What is wrong with the target: too few rows of a class, no balance, a column that betrays it."""

from __future__ import annotations

from components.table_schema import TableSchema
from components.validate.finding import (
    ENOUGH_ROWS,
    Facts,
    Finding,
    Found,
    count,
    leave_out,
    listed,
)

LEAST_ROWS_A_CLASS = 2
FEW_ROWS_A_CLASS = 10
IMBALANCE = 10.0
CONCENTRATED = 0.5
LEAK = 0.98


def _all_the_same(facts: Facts) -> Found:
    schema = facts.schema
    if schema.is_quantity:
        yield from _constant_target(schema)
    elif len(facts.classes) == 1:
        label, rows = facts.classes[0]
        yield Finding(
            "error",
            "single_class",
            schema.target,
            {"classes": 1, "rows": rows},
            f"The target {schema.target!r} has a single class, {label!r}, in all {rows:,} rows: "
            "there is nothing to tell apart, choose another target.",
        )


def _constant_target(schema: TableSchema) -> Found:
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


def _rare_classes(facts: Facts) -> Found:
    if len(facts.classes) < 2:
        return
    rare = [label for label, rows in facts.classes if rows < LEAST_ROWS_A_CLASS]
    few = [label for label, rows in facts.classes if LEAST_ROWS_A_CLASS <= rows < FEW_ROWS_A_CLASS]
    target = facts.schema.target
    if rare:
        yield Finding(
            "error",
            "rare_class",
            target,
            {"classes": len(rare), "least": LEAST_ROWS_A_CLASS},
            f"The target {target!r} has {count(len(rare), 'class')} ({listed(rare)}) with "
            f"fewer than {LEAST_ROWS_A_CLASS} rows, too few to train and to test on: add rows or "
            "merge classes.",
        )
    if few:
        yield Finding(
            "warning",
            "few_rows",
            target,
            {"classes": len(few), "least": FEW_ROWS_A_CLASS},
            f"The target {target!r} has {count(len(few), 'class')} ({listed(few)}) with fewer than "
            f"{FEW_ROWS_A_CLASS} rows: what a test says of so few is chance, add rows or merge "
            "classes.",
        )


def _imbalance(facts: Facts) -> Found:
    if len(facts.classes) < 2:
        return
    (most, many), (least, few) = facts.classes[0], facts.classes[-1]
    if many / few >= IMBALANCE:
        yield Finding(
            "warning",
            "imbalance",
            facts.schema.target,
            {"largest": many, "smallest": few, "ratio": many / few},
            f"Class {most!r} has {many / few:.1f} times as many rows ({many:,}) as class {least!r} "
            f"({few:,}): judge the model by balanced_accuracy or f1_macro.",
        )


def _concentrated(facts: Facts) -> Found:
    """Say of a quantity what imbalance says of classes: that one value has most of the rows."""
    value, share = facts.top.get(facts.schema.target, (None, 0.0))
    constant = facts.schema.column(facts.schema.target).distinct == 1
    if facts.schema.is_quantity and not constant and share >= CONCENTRATED:
        yield Finding(
            "warning",
            "concentrated",
            facts.schema.target,
            {"share": share},
            f"The target {facts.schema.target!r} is {value:g} in {share:.1%} of the rows: an error "
            "that is small on average says little of the others, look at them by themselves.",
        )


def _leakage(facts: Facts) -> Found:
    if facts.schema.rows >= ENOUGH_ROWS:
        yield from _explaining(facts) if facts.schema.is_quantity else _telling(facts)


def _telling(facts: Facts) -> Found:
    base = facts.classes[0][1] / facts.schema.rows
    for name, accuracy in facts.solo.items():
        if base < 1 and (accuracy - base) / (1 - base) >= LEAK:
            yield Finding(
                "warning",
                "leakage",
                name,
                {"accuracy": accuracy, "base": base},
                f"Column {name!r} alone tells the target {facts.schema.target!r} in "
                f"{accuracy:.1%} of the rows, always guessing the largest class in {base:.1%}: if "
                f"it is known only afterwards, leave it out with --drop {name!r}.",
            )


def _explaining(facts: Facts) -> Found:
    for name, share in facts.solo.items():
        if share >= LEAK:
            yield Finding(
                "warning",
                "leakage",
                name,
                {"r2": share},
                f"Column {name!r} alone explains {share:.1%} of the target "
                f"{facts.schema.target!r}: if it is known only afterwards, {leave_out(name)}.",
            )


def _spelling(facts: Facts) -> Found:
    groups = facts.spellings.get(facts.schema.target, ())
    if groups:
        words = groups[0]
        yield Finding(
            "warning",
            "spelling",
            facts.schema.target,
            {"groups": len(groups)},
            f"The target {facts.schema.target!r} has {count(len(groups), 'class')} in several "
            f"spellings ({listed(words)}), which are learned as different: spell them alike.",
        )


def _without_target(facts: Facts) -> Found:
    left_out = facts.schema.rows_without_target
    if left_out:
        yield Finding(
            "note",
            "missing_target",
            facts.schema.target,
            {"rows": left_out},
            f"{count(left_out, 'row')} without a value of the target {facts.schema.target!r} "
            f"{'was' if left_out == 1 else 'were'} left out.",
        )


CHECKS = (
    _all_the_same,
    _rare_classes,
    _leakage,
    _imbalance,
    _concentrated,
    _spelling,
    _without_target,
)
