"""Kinds and targets are decided from counts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from components.csv_columns import Cast, Tally
from components.errors import ColumnError
from components.ingest import rules
from serving.signature import ColumnKind

NOTHING = Tally(4, 0, 0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, "text"),
        ({"present": 0}, "text"),
        ({"booleans": 4}, "boolean"),
        ({"booleans": 3}, "text"),
        ({"integers": 4, "numbers": 4}, "integer"),
        ({"integers": 3, "numbers": 4}, "number"),
        ({"integers": 3, "numbers": 3}, "text"),
        ({"integers": 4, "numbers": 4, "codes": 1}, "text"),
        ({"integers": 1, "numbers": 1, "decimal_commas": 4}, "number"),
        ({"integers": 1, "numbers": 1, "decimal_commas": 3}, "text"),
    ],
)
def test_a_kind_needs_every_cell(changes: dict[str, int], kind: str) -> None:
    assert rules.kind_of(replace(NOTHING, **changes)) == kind


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("number", "integer"), ("integer", "integer"), ("boolean", "boolean"), ("text", "text")],
)
def test_a_target_of_whole_numbers_is_an_integer(kind: ColumnKind, expected: str) -> None:
    assert rules.target_kind(Cast(0, "y", kind, NOTHING), fractions=0) == expected


@pytest.mark.parametrize(
    ("distinct", "rows", "refused"), [(100, 100, False), (101, 1009, True), (101, 1010, False)]
)
def test_a_quantity_has_many_values_and_few_rows_for_each(
    distinct: int, rows: int, refused: bool
) -> None:
    target = Cast(0, "y", "integer", replace(NOTHING, present=rows))
    if refused:
        with pytest.raises(ColumnError, match="regression"):
            rules.refuse_quantity(target, distinct)
    else:
        rules.refuse_quantity(target, distinct)


def test_a_text_with_many_values_is_for_validation_to_judge() -> None:
    rules.refuse_quantity(Cast(0, "y", "text", replace(NOTHING, present=500)), 500)


def test_of_a_thousand_columns_only_some_are_listed() -> None:
    header = [f"column_{place}" for place in range(1_000)]
    with pytest.raises(ColumnError) as caught:
        rules.chosen(header, rules.Request("column_7000"))
    assert "did you mean 'column_700'" in str(caught.value)
    assert len(str(caught.value)) < 500
