"""Trees learn what scikit-learn's own do not: numbers of any unit, and classes of one row."""

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
    return fitted("random_forest", rows, targets, n_estimators=3)[:, 0]


def fitted(kind: str, rows: np.ndarray, targets: np.ndarray, **asked: object) -> np.ndarray:
    frame = preprocessing.frame(COLUMNS, {"a": rows[:, 0], "b": rows[:, 1]})
    task = "tabular-regression" if targets.dtype.kind == "f" else "tabular"
    pipeline = models.build(kind, asked, COLUMNS, 1, task)
    return preprocessing.ask(preprocessing.fit(pipeline, frame, targets), frame)


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


def test_boosting_learns_many_rows_of_which_one_class_has_one() -> None:
    rows = np.tile(ROWS, (200, 1))
    targets = np.tile(CLASSES, 200).astype("<U4")
    targets[0] = "rare"
    told = fitted("hist_gradient_boosting", rows, targets, max_iter=2)
    assert told.shape == (12_000, 3)


@pytest.mark.parametrize(
    ("targets", "words"),
    [
        (np.array(["rare", *CLASSES[1:]]), "class rare has a single row to train on, and early"),
        (np.arange(60) // 2, "there are 30 classes in 60 rows, and early stopping holds a tenth"),
    ],
    ids=["rare", "many"],
)
def test_early_stopping_that_was_asked_for_needs_rows_of_every_class(
    targets: np.ndarray, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        fitted("hist_gradient_boosting", ROWS, targets, early_stopping=True)
