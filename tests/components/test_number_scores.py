"""Metrics of estimated numbers: the known values, and finite ones whatever the rows are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components import number_scores
from serving.errors import ModelError, UsageError


def measured(truth: list[float], answers: list[float]) -> dict[str, float]:
    rows = np.array(answers, np.float32).reshape(-1, 1)
    return number_scores.measure(number_scores.estimates(np.array(truth), rows))


def test_metrics_of_a_small_case_are_the_ones_worked_out_by_hand() -> None:
    found = measured([1, 2, 4], [2, 2, 2])
    assert found["rmse"] == pytest.approx(np.sqrt(5 / 3))
    assert found["mae"] == 1.0
    assert found["mape"] == pytest.approx((1 + 0 + 0.5) / 3)
    assert found["r2"] == pytest.approx(1 - 5 / (14 / 3))


@pytest.mark.parametrize(
    ("truth", "absent"), [([3, 3], {"r2"}), ([0, 3], {"mape"}), ([0, 0], {"r2", "mape"})]
)
def test_what_has_no_finite_value_is_left_out(truth: list[float], absent: set[str]) -> None:
    assert {"rmse", "mae", "r2", "mape"} - set(measured(truth, [1, 2])) == absent


def test_no_rows_and_no_numbers_are_one_sentence() -> None:
    with pytest.raises(UsageError, match=r"raise split\.test_size"):
        measured([], [])
    with pytest.raises(ModelError, match="no finite number for test row 2"):
        measured([1, 2], [1, float("nan")])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(*[st.floats(-1e30, 1e30)] * 2), min_size=1, max_size=30))
def test_every_metric_is_finite(rows: list[tuple[float, float]]) -> None:
    truth, answers = zip(*rows, strict=True)
    assert all(np.isfinite(value) for value in measured(list(truth), list(answers)).values())
