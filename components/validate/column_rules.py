"""What is wrong with the columns to learn from, and with the rows as a whole."""

from __future__ import annotations

import re

from components.table_schema import TableColumn
from components.validate.finding import (
    ENOUGH_ROWS,
    Facts,
    Finding,
    Found,
    count,
    leave_out,
    listed,
)

MISSING_WARNING = 0.5
MISSING_NOTE = 0.2
DUPLICATES_WARNING = 0.05
ID_LIKE = 0.95
NEARLY_CONSTANT = 0.995
MANY_WORDS = 100
"""Different words of a column that models see; `components.preprocessing` keeps as many."""
# "id", "customer_id", "Order No", "passengerId", "UUID": what names of keys end in.
_KEY = re.compile(r"(?:(?:^|[\W_])(?i:id|uuid|guid|key|no|nr|number|index)|[a-z]I[dD])$")
# 2026-11-21, 2026/11/21, 21.11.2026, 11/21/26, whatever time stands behind it.
_DATE = re.compile(
    r"\s*(?:\d{4}([-/.])\d{1,2}\1\d{1,2}|\d{1,2}([-/.])\d{1,2}\2(?:\d{4}|\d{2}))(?:[T ,]|$)"
)
# $9.90, 12 %, 1.200,50 TL, 1,234: a number with something around or within it.
_SIGNED = re.compile(
    r"\s*(?:[$€£₺]\s*-?\d[\d.,]*|-?\d[\d.,]*\s*(?:[$€£₺%]|TL|TRY|EUR|USD)"
    r"|-?\d{1,3}([.,])\d{3}(?:\1\d{3})*(?:[.,]\d+)?)\s*"
)


def _all_missing(facts: Facts) -> Found:
    for column in facts.schema.inputs:
        if column.missing == facts.schema.rows:
            yield Finding(
                "error",
                "all_missing",
                column.name,
                {"missing": column.missing},
                f"Column {column.name!r} is missing in all {column.missing:,} rows: "
                f"{leave_out(column.name)}.",
            )


def _constant(facts: Facts) -> Found:
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


def _nearly_constant(facts: Facts) -> Found:
    for column in facts.schema.inputs:
        value, share = facts.top.get(column.name, (None, 0.0))
        if column.distinct > 1 and share >= NEARLY_CONSTANT:
            yield Finding(
                "note",
                "nearly_constant",
                column.name,
                {"share": share, "distinct": column.distinct},
                f"Column {column.name!r} is {value!r:.80} in {share:.2%} of its cells: it tells "
                "next to nothing.",
            )


def _id_like(facts: Facts) -> Found:
    for column in facts.schema.inputs:
        if _names_rows(column, facts.schema.rows) and not _is_date(facts, column):
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
    """Say whether nearly every text is unique, or whole numbers count the rows or are their key."""
    present = rows - column.missing
    if present < ENOUGH_ROWS or column.distinct < ID_LIKE * present:
        return False
    if column.kind != "integer":
        return column.kind == "text"
    counted = (column.maximum or 0) - (column.minimum or 0) == rows - 1
    return column.distinct == present and (counted or bool(_KEY.search(column.name)))


def _many_words(facts: Facts) -> Found:
    for column in facts.schema.inputs:
        many = column.kind == "text" and column.distinct > MANY_WORDS
        if many and not (_names_rows(column, facts.schema.rows) or _is_date(facts, column)):
            yield Finding(
                "note",
                "many_words",
                column.name,
                {"distinct": column.distinct, "seen": MANY_WORDS},
                f"Column {column.name!r} has {column.distinct:,} different words: models see the "
                f"{MANY_WORDS} most frequent ones, all others look alike to them.",
            )


def _dates(facts: Facts) -> Found:
    for column in facts.schema.inputs:
        if _is_date(facts, column):
            value, _ = facts.top[column.name]
            yield Finding(
                "warning",
                "dates",
                column.name,
                {"distinct": column.distinct},
                f"Column {column.name!r} holds dates, such as {value!r:.40}: models see each as a "
                f"word of its own, before and after none; leave it out with --drop "
                f"{column.name!r}, or give what matters of it as numbers (the month, the days "
                "since then).",
            )


def _is_date(facts: Facts, column: TableColumn) -> bool:
    """Say whether a text column's most frequent value is a date, with a time or without."""
    value, _ = facts.top.get(column.name, (None, 0.0))
    return isinstance(value, str) and _DATE.match(value) is not None


def _signed_numbers(facts: Facts) -> Found:
    for column in facts.schema.inputs:
        value, _ = facts.top.get(column.name, (None, 0.0))
        if isinstance(value, str) and _SIGNED.fullmatch(value):
            yield Finding(
                "warning",
                "signed_numbers",
                column.name,
                {"distinct": column.distinct},
                f"Column {column.name!r} holds numbers with signs, such as {value!r:.40}, which "
                "are words to models: write them plainly, as 1234.5.",
            )


def _missing(facts: Facts) -> Found:
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


def _twins(facts: Facts) -> Found:
    if facts.schema.rows < ENOUGH_ROWS:
        return
    for first, *others in facts.twins:
        yield Finding(
            "note",
            "twins",
            first,
            {"columns": 1 + len(others), "rows": facts.looked or facts.schema.rows},
            f"Columns {listed([first, *others])} say the same, as far as "
            f"{facts.looked or facts.schema.rows:,} rows show: one of them is enough.",
        )


def _spelling(facts: Facts) -> Found:
    for name, groups in facts.spellings.items():
        if name != facts.schema.target:
            yield Finding(
                "note",
                "spelling",
                name,
                {"groups": len(groups)},
                f"Column {name!r} has {count(len(groups), 'word')} in several spellings "
                f"({listed(groups[0])}), which are learned as different: spell them alike.",
            )


def _duplicates(facts: Facts) -> Found:
    share = facts.duplicates / facts.schema.rows
    if facts.duplicates:
        yield Finding(
            "warning" if share >= DUPLICATES_WARNING else "note",
            "duplicates",
            None,
            {"duplicates": facts.duplicates, "share": share},
            f"The table has {count(facts.duplicates, 'row')} with the same cells as a row above "
            f"({share:.1%}): the same row may be trained on and tested on.",
        )


CHECKS = (
    _all_missing,
    _constant,
    _nearly_constant,
    _id_like,
    _many_words,
    _dates,
    _signed_numbers,
    _missing,
    _twins,
    _spelling,
    _duplicates,
)
