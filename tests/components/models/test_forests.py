"""A forest learns numbers of any unit, which scikit-learn's own does not."""

from __future__ import annotations

import numpy as np
import pytest

from components import models, preprocessing
from serving.signature import Column

COLUMNS = (Column("a", "number"), Column("b", "number"))
RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(60, 2)).astype(np.float32)
TARGETS = (ROWS[:, 0] - 0.5 * ROWS[:, 1]).astype(np.float64)
CLASSES = np.where(TARGETS > 0, "up", "down")


def answers(rows: np.ndarray, targets: np.ndarray) -> np.ndarray:
    frame = preprocessing.frame(COLUMNS, {"a": rows[:, 0], "b": rows[:, 1]})
    task = "tabular-regression" if targets.dtype.kind == "f" else "tabular"
    pipeline = models.build("random_forest", {"n_estimators": 3}, COLUMNS, 1, task)
    return preprocessing.ask(preprocessing.fit(pipeline, frame, targets), frame)[:, 0]


@pytest.mark.parametrize("unit", [2.0**-30, 2.0**-100, 2.0**90])
def test_a_forest_says_the_same_of_targets_in_another_unit(unit: float) -> None:
    expected = answers(ROWS, TARGETS)
    assert np.corrcoef(expected, TARGETS)[0, 1] > 0.95
    assert (answers(ROWS, TARGETS * unit) == expected * unit).all()


@pytest.mark.parametrize("units", [(2.0**-40, 1.0), (2.0**-100, 2.0**-90), (2.0**60, 0.25)])
@pytest.mark.parametrize("targets", [TARGETS, CLASSES], ids=["numbers", "classes"])
def test_a_forest_says_the_same_of_columns_in_other_units(
    units: tuple[float, float], targets: np.ndarray
) -> None:
    rows = (ROWS * np.array(units)).astype(np.float32)
    assert (answers(rows, targets) == answers(ROWS, targets)).all()


def test_targets_and_columns_that_are_all_the_same_have_no_unit() -> None:
    assert answers(np.zeros((8, 2), np.float32), np.full(8, 3.0)).tolist() == [3.0] * 8
