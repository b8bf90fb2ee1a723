"""Metrics: the known values, and finite ones whatever the rows are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components import scores
from components.metrics import CLASSIFICATION
from serving.errors import ModelError, UsageError

THREE = ("a", "b", "c")


def answers(
    truth: list[object], rows: list[list[float]], labels: tuple[str, ...] = THREE
) -> object:
    return scores.answers(np.array(truth), np.array(rows, dtype=np.float32), labels)


def test_metrics_of_a_small_case_are_the_ones_worked_out_by_hand() -> None:
    rows = [[0.8, 0.2], [0.4, 0.6], [0.3, 0.7], [0.1, 0.9]]
    found = scores.measure(answers(["n", "n", "y", "y"], rows, ("n", "y")))
    assert set(found) == set(CLASSIFICATION)
    assert found["accuracy"] == found["balanced_accuracy"] == found["recall_macro"] == 0.75
    assert found["precision_macro"] == pytest.approx((1 + 2 / 3) / 2)
    assert found["f1_macro"] == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert found["log_loss"] == pytest.approx(-np.log([0.8, 0.4, 0.7, 0.9]).mean(), abs=1e-6)
    assert found["roc_auc"] == found["pr_auc"] == 1.0
    assert found["recall_weighted"] == 0.75
    assert found["precision_weighted"] == pytest.approx((2 * 1 + 2 * 2 / 3) / 4)
    assert found["brier"] == pytest.approx(np.mean([0.04, 0.36, 0.09, 0.01]), abs=1e-6)
    # One answer of 60 % is wrong, those of 70, 80 and 90 % are right.
    assert found["ece"] == pytest.approx((0.6 + 0.3 + 0.2 + 0.1) / 4, abs=1e-6)


def test_the_brier_score_is_scikit_learns_whatever_the_classes() -> None:
    from sklearn.metrics import brier_score_loss

    rng = np.random.default_rng(3)
    for labels in (("a", "b"), THREE):
        rows = rng.dirichlet(np.ones(len(labels)), 50)
        truth = rng.choice(labels, 50)
        expected = brier_score_loss(truth, rows, labels=list(labels))
        found = scores.measure(scores.answers(truth, rows, labels))["brier"]
        assert found == pytest.approx(expected)


def test_answers_on_the_bound_of_a_range_are_calibrated_alike_in_either_precision() -> None:
    rows = np.tile([[0.6, 0.4], [0.7, 0.3], [0.1, 0.9]], (5, 1))
    truth = np.array(["a", "b", "b"] * 5)
    single, double = (
        scores.reliability(scores.answers(truth, rows.astype(kind), ("a", "b")))
        for kind in (np.float32, np.float64)
    )
    assert single.rows == double.rows == (5, 5, 5)
    assert single.error == pytest.approx(double.error, abs=1e-6)


@pytest.mark.parametrize(
    "truth",
    [["a", "a"], ["a", "b"], ["a", "never trained on"], ["never", "trained"], ["c"]],
    ids=str,
)
def test_scores_are_finite_where_classes_are_absent(truth: list[object]) -> None:
    rows = [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]][: len(truth)]
    found = answers(truth, rows)
    measured = scores.measure(found)
    assert all(isinstance(v, float) and np.isfinite(v) for v in measured.values())
    assert ("roc_auc" in measured) == (len(set(truth)) > 1)
    matrix = scores.confusion(found)
    assert matrix.sum() == len(truth)
    assert len(scores.by_class(found)) == len(matrix) >= 3


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from([0, 1, 2, 5]), min_size=1, max_size=30), st.integers(0, 2**32 - 1))
def test_scores_and_curves_are_always_finite(truth: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.dirichlet([0.05] * 3, len(truth)).astype(np.float32)
    found = scores.answers(np.array(truth), rows, (0, 1, 2))
    assert all(np.isfinite(value) for value in scores.measure(found).values())
    curve = scores.roc(found)
    if curve:
        points = np.array([curve.false_positive, curve.true_positive, curve.thresholds])
        assert np.isfinite(points).all()
        assert points.shape[1] <= 200
        assert curve.thresholds[0] <= 1.0


def test_a_long_curve_is_thinned_and_keeps_its_ends() -> None:
    rng = np.random.default_rng(0)
    p = rng.random(5000).astype(np.float32)
    found = scores.answers(rng.integers(0, 2, 5000), np.stack([1 - p, p], axis=1), (0, 1))
    curve = scores.roc(found)
    assert curve is not None
    assert len(curve.thresholds) == 200
    assert (curve.false_positive[0], curve.true_positive[-1]) == (0.0, 1.0)
    assert curve.name == "1"


def test_a_test_part_of_one_class_has_no_curve() -> None:
    assert scores.roc(answers(["y", "y"], [[0.1, 0.9], [0.2, 0.8]], ("n", "y"))) is None


def test_no_rows_and_no_numbers_are_refused() -> None:
    with pytest.raises(UsageError, match="no test rows"):
        answers([], [])
    with pytest.raises(ModelError, match="test row 2"):
        answers(["a", "b"], [[0.5, 0.5, 0.0], [np.nan, 0.5, 0.5]])
