"""The distances between two samples in the same cells, beside scipy's on the values themselves."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from components.monitor import statistics

pytestmark = pytest.mark.thorough  # many draws

COUNTS = arrays(np.int64, 6, elements=st.integers(0, 50))
PAIRS = st.tuples(COUNTS, COUNTS).filter(lambda pair: all(each.sum() for each in pair))


def values(counts: np.ndarray) -> np.ndarray:
    return np.repeat(np.arange(len(counts)), counts)


@settings(max_examples=60, deadline=None)
@given(PAIRS)
def test_ranks_are_those_of_mann_and_whitney(pair: tuple[np.ndarray, np.ndarray]) -> None:
    then, now = pair
    delta, p = statistics.rank_sum(then, now)
    found = stats.mannwhitneyu(values(now), values(then), use_continuity=False, method="asymptotic")
    assert delta == pytest.approx(2 * found.statistic / (then.sum() * now.sum()) - 1)
    assert p == pytest.approx(found.pvalue if np.isfinite(found.pvalue) else 1.0)


@settings(max_examples=60, deadline=None)
@given(PAIRS)
def test_the_distance_is_that_of_kolmogorov_and_smirnov(
    pair: tuple[np.ndarray, np.ndarray],
) -> None:
    distance, p = statistics.kolmogorov_smirnov(*pair)
    found = stats.ks_2samp(*map(values, pair), method="asymp")
    assert distance == pytest.approx(found.statistic)
    assert 0 <= p <= 1


@settings(max_examples=60, deadline=None)
@given(arrays(np.int64, (2, 5), elements=st.integers(20, 90)))
def test_where_no_cell_is_rare_the_chi_square_is_that_of_the_whole_table(table: np.ndarray) -> None:
    v, p = statistics.chi_square(*table)
    found = stats.chi2_contingency(table, correction=False)
    assert p == pytest.approx(found.pvalue)
    assert v**2 * table.sum() == pytest.approx(found.statistic, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(PAIRS)
def test_every_distance_is_the_same_both_ways_and_within_its_bounds(
    pair: tuple[np.ndarray, np.ndarray],
) -> None:
    then, now = pair
    for measure in (statistics.rank_sum, statistics.kolmogorov_smirnov, statistics.chi_square):
        one, p = measure(then, now)
        other, q = measure(now, then)
        assert abs(one) == pytest.approx(abs(other))
        assert p == pytest.approx(q) and 0 <= p <= 1 and abs(one) <= 1 + 1e-9
    assert statistics.psi(then, now) == pytest.approx(statistics.psi(now, then))


@settings(max_examples=30, deadline=None)
@given(COUNTS.filter(lambda counts: counts.sum() > 0))
def test_a_sample_does_not_differ_from_itself(counts: np.ndarray) -> None:
    assert statistics.psi(counts, counts) == 0
    for measure in (statistics.rank_sum, statistics.kolmogorov_smirnov, statistics.chi_square):
        effect, p = measure(counts, counts)
        assert effect == pytest.approx(0) and p == pytest.approx(1)


def test_new_values_beyond_the_greatest_of_n_are_as_probable_as_wilks_says() -> None:
    _, p = statistics.share_test((0, 2), (10, 5))
    assert p == pytest.approx(2 * (5 * 4) / (15 * 14))


@pytest.mark.parametrize(
    ("chances", "significant"),
    [
        ([0.01, 0.04, 0.03], [True, False, False]),
        ([0.01, 0.02, 0.03], [True, True, True]),
        ([0.2], [False]),
        ([], []),
    ],
)
def test_holm_goes_on_until_one_is_not_significant(
    chances: list[float], significant: list[bool]
) -> None:
    assert statistics.holm(chances, 0.05) == significant


def test_however_many_looks_there_are_they_spend_alpha_together() -> None:
    assert sum(statistics.spent(0.05, look) for look in range(1, 100_000)) < 0.05


@settings(max_examples=60, deadline=None)
@given(arrays(np.float64, st.integers(2, 200), elements=st.floats(-1e6, 1e6, width=32)))
def test_a_quantile_lies_in_the_cell_of_the_real_one(cells: np.ndarray) -> None:
    from serving.sketch import grid_of_numbers

    grid = grid_of_numbers(cells)
    found = statistics.quantile(grid.edges, grid.count(cells)[:-1], 0.5)
    middle = np.quantile(cells, 0.5, method="inverted_cdf")
    assert found is not None
    bounds = np.array(grid.edges, np.float32)
    place = int(np.searchsorted(bounds, np.float32(middle)))
    assert bounds[place - 1] <= np.nextafter(np.float32(found), np.float32(np.inf))
    assert found <= bounds[place]
