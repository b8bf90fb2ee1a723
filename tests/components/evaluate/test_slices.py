"""Intervals, parts of the test rows, and what each column is worth."""

from __future__ import annotations

import numpy as np
import pytest

from components import parts
from components.evaluate import slices
from components.evaluate.importance import MOST_COLUMNS, Asked, importances
from serving.intervals import wilson
from serving.signature import Column


def test_the_parts_are_values_quartiles_and_what_is_missing() -> None:
    columns = (Column("age", "number"), Column("town", "text"), Column("member", "boolean"))
    cells = {
        "age": np.array([*range(80), *[np.nan] * 20], dtype=float),
        "town": np.array(["A"] * 60 + ["B"] * 36 + [None] * 4, dtype=object),
        "member": np.array([True, False] * 50),
    }
    found = {(c, v): int(mask.sum()) for c, v, mask in parts.parts(columns, cells)}
    assert found == {
        ("age", "(missing)"): 20,
        ("age", "up to 19.75"): 20,
        ("age", "19.75 to 39.5"): 20,
        ("age", "39.5 to 59.25"): 20,
        ("age", "above 59.25"): 20,
        ("town", "A"): 60,
        ("town", "B"): 36,
        ("member", "True"): 50,
        ("member", "False"): 50,
    }
    right = np.array([i % 7 > 0 and town != "B" for i, town in enumerate(cells["town"])])
    worst = next(s for s in slices.of_right(columns, cells, right) if s.column == "town")
    assert (worst.value, worst.score, worst.low) == ("B", 0.0, 0.0)
    assert worst.high == pytest.approx(wilson(0, 36)[1])
    errors = np.where(right, 1.0, -5.0)
    by_error = slices.of_errors(columns, cells, errors)
    assert [part.score for part in by_error] == sorted((p.score for p in by_error), reverse=True)
    assert next(part for part in by_error if part.value == "B").score == 5.0


@pytest.mark.parametrize(
    "cells",
    [
        np.full(30, np.nan),
        np.full(30, 3.0),
        np.array([None] * 30, dtype=object),
        np.array(["same"] * 30, dtype=object),
        np.arange(9.0),  # too few for a part
    ],
    ids=["missing", "constant", "no texts", "one text", "few"],
)
def test_a_column_without_parts_has_none(cells: np.ndarray) -> None:
    kind = "text" if cells.dtype == object else "number"
    assert list(parts.parts((Column("x", kind),), {"x": cells})) == []


def test_a_column_that_the_answers_hang_on_is_worth_most_and_an_idle_one_nothing() -> None:
    rng = np.random.default_rng(0)
    cells = {name: rng.normal(size=200) for name in ("idle", "half", "whole")}
    truth = 2 * cells["whole"] + cells["half"]

    def error(answers: np.ndarray, which: np.ndarray) -> float:
        return float(np.mean((answers[:, 0] - truth[which]) ** 2))

    asked = Asked(lambda c: (2 * c["whole"] + c["half"]).reshape(-1, 1), error)
    found = importances(asked, cells, seed=3)
    assert [each.column for each in found] == ["whole", "half", "idle"]
    assert found[0].growth == pytest.approx(8, rel=0.4)
    assert found[2].growth == found[2].spread == 0.0
    assert found == importances(asked, cells, seed=3)
    many = {str(i): np.zeros(5) for i in range(MOST_COLUMNS + 1)}
    assert importances(asked, many, seed=3) == ()
