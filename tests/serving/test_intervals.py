"""Intervals against the literature, and against SciPy."""

import math

import pytest
from scipy import stats

from serving.intervals import quantile, student, wilson


@pytest.mark.parametrize(
    ("right", "rows", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, table I
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (20, 20, 0.8389, 1.0),
        (0, 0, 0.0, 1.0),
    ],
)
def test_wilsons_interval_is_the_published_one(
    right: int, rows: int, low: float, high: float
) -> None:
    assert wilson(right, rows) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize("free", [1, 2, 3, 5, 10, 11, 12, 20, 30, 100, 1000, 10**6])
def test_students_quantile_is_scipys(free: int) -> None:
    assert quantile(free) == pytest.approx(float(stats.t.ppf(0.975, free)), rel=1e-4)


def test_students_interval_is_scipys_and_never_negative() -> None:
    values = [0.5, 1.5, 2.0, 8.0]
    mean, square = sum(values) / 4, sum(value**2 for value in values) / 4
    _, high = stats.t.interval(0.95, 3, mean, stats.sem(values))
    assert student(4, mean, square) == (0.0, pytest.approx(high, rel=1e-4))
    assert student(1, 2.0, 4.0) == (0.0, math.inf)
    assert student(2, 1.0, 1.0) == (1.0, 1.0)
