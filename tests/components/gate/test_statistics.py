"""Metrics of weighted rows, intervals by drawing again, and tests on counts, beside the naive."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest
from sklearn.metrics import f1_score, log_loss, roc_auc_score

from components import number_scores, scores
from components.gate import bootstrap, exact
from components.gate.statistics import statistic
from components.metrics import CLASSIFICATION, REGRESSION
from components.number_scores import Estimates
from components.paired import Paired
from components.scores import Answers

pytestmark = pytest.mark.thorough  # draws of draws


def answers(truth: np.ndarray, seed: int, classes: int, sure: float = 0.8) -> Answers:
    """Return the answers of a model that is right more often, the surer it is; with ties."""
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.ones(classes), len(truth)).round(1) + 0.01
    shares[np.arange(len(truth)), truth] += sure * rng.random(len(truth)).round(1)
    return scores.answers(truth, shares / shares.sum(axis=1, keepdims=True), range(classes))


def labels(rows: int, classes: int) -> np.ndarray:
    return np.random.default_rng(rows).integers(0, classes, rows)


def repeated(model: Answers, times: np.ndarray) -> Answers:
    drawn = np.repeat(np.arange(len(times)), times)
    return Answers(
        model.labels, model.truth[drawn], model.predicted[drawn], model.probabilities[drawn]
    )


@pytest.mark.parametrize("metric", CLASSIFICATION)
@given(seed=st.integers(0, 999), classes=st.integers(2, 4))
@example(seed=180, classes=4)  # an answer on the bound of a range of confidence
@settings(max_examples=3, deadline=None)
def test_a_weighted_metric_is_the_metric_of_rows_that_are_there_so_often(
    metric: str, seed: int, classes: int
) -> None:
    model = answers(labels(60, classes), seed, classes)
    times = np.random.default_rng(seed).integers(0, 3, 60) + (np.arange(60) < 3 * classes)
    measured = scores.measure(repeated(model, times))
    if metric in measured:
        (found,) = statistic(metric, model).of(times[None, :])
        assert found == pytest.approx(measured[metric], abs=1e-9)


@pytest.mark.parametrize("metric", REGRESSION)
@given(seed=st.integers(0, 999), unit=st.sampled_from([1e-6, 1.0, 1e6]))
@settings(max_examples=3, deadline=None)
def test_a_weighted_error_is_the_error_of_rows_that_are_there_so_often(
    metric: str, seed: int, unit: float
) -> None:
    rng = np.random.default_rng(seed)
    truth = (rng.random(50) + 1) * unit
    model = Estimates(truth, truth + rng.normal(size=50) * unit)
    times = rng.integers(0, 3, 50)
    drawn = np.repeat(np.arange(50), times)
    expected = number_scores.measure(Estimates(model.truth[drawn], model.predicted[drawn]))
    (found,) = statistic(metric, model).of(times[None, :])
    assert found == pytest.approx(expected[metric], rel=1e-7)


ORACLES: dict[str, Callable[[Answers], float]] = {
    "f1_macro": lambda each: f1_score(each.truth, each.predicted, average="macro"),
    "roc_auc": lambda each: roc_auc_score(each.truth, each.probabilities[:, 1]),
    "log_loss": lambda each: log_loss(each.truth, each.probabilities),
}


def naive(metric: str, models: tuple[Answers, Answers], rng: np.random.Generator) -> np.ndarray:
    """Return differences by drawing rows within their class and measuring with scikit-learn."""
    truth, found = models[0].truth, []
    strata = [np.flatnonzero(truth == k) for k in np.unique(truth)]
    for _ in range(120):
        drawn = np.concatenate([rng.choice(rows, len(rows)) for rows in strata])
        times = np.bincount(drawn, minlength=len(truth))
        first, second = (ORACLES[metric](repeated(each, times)) for each in models)
        found.append(first - second)
    return np.array(found)


@pytest.mark.parametrize("metric", list(ORACLES))
def test_the_bootstrap_varies_as_a_naive_one_does(metric: str) -> None:
    truth = labels(200, 2)
    models = (answers(truth, 1, 2), answers(truth, 2, 2, 0.4))
    ours = bootstrap.interval(metric, Paired(*models), 0.05, np.random.default_rng(0))
    theirs = naive(metric, models, np.random.default_rng(0))
    assert ours is not None
    assert ours.difference == pytest.approx(theirs.mean(), abs=theirs.std() / 3)
    assert math.sqrt(ours.variance / 200) == pytest.approx(theirs.std(), rel=0.15)
    edges = np.quantile(theirs, [0.05, 0.95])
    assert (ours.low, ours.high) == pytest.approx(edges, abs=theirs.std() / 2)


@pytest.mark.parametrize("metric", ["log_loss", "f1_macro", "rmse"])
def test_very_many_rows_are_drawn_in_groups_and_vary_alike(metric: str) -> None:
    rng = np.random.default_rng(3)
    found = []
    for rows in (7_000, 14_000):
        truth = labels(rows, 2)
        pair = Paired(answers(truth, 1, 2), answers(truth, 2, 2))
        if metric == "rmse":
            numbers = [Estimates(truth + 0.0, truth + rng.normal(size=rows)) for _ in range(2)]
            pair = Paired(*numbers)
        interval = bootstrap.interval(metric, pair, 0.05, rng)
        assert interval is not None
        found.append(interval.variance)
    assert found[0] == pytest.approx(found[1], rel=0.15)


@pytest.mark.parametrize(
    ("metric", "seen"),
    [("accuracy", True), ("f1_macro", True), ("roc_auc", False), ("pr_auc", False), ("r2", None)],
)
def test_a_metric_that_rows_do_not_have_has_no_interval(metric: str, seen: bool | None) -> None:
    one_class = answers(np.zeros(20, int), 0, 2)
    alike = Estimates(np.ones(20), np.linspace(0, 1, 20))
    pair = Paired(alike, alike) if seen is None else Paired(one_class, one_class)
    found = bootstrap.interval(metric, pair, 0.05, np.random.default_rng(0))
    assert (found is not None) is bool(seen)


def test_a_metric_beyond_all_numbers_has_no_interval() -> None:
    tiny = np.linspace(1, 2, 20) * 1e-300
    pair = Paired(Estimates(tiny, np.ones(20)), Estimates(tiny, np.linspace(1, 9, 20)))
    assert bootstrap.interval("mape", pair, 0.05, np.random.default_rng(0)) is None


@pytest.mark.filterwarnings("error")
def test_few_rows_that_may_all_be_drawn_alike_warn_of_nothing() -> None:
    truth = np.array([0.0, 0.0, 0.0, 2.0, 3.0])
    pair = Paired(Estimates(truth, truth + 0.2), Estimates(truth, truth - 0.1))
    bootstrap.interval("r2", pair, 0.05, np.random.default_rng(0))


def test_a_probability_of_none_costs_what_it_costs_where_it_is_served() -> None:
    truth, shares = np.array([0, 1, 1]), np.array([[1.0, 0.0], [1.0, 0.0], [0.25, 0.75]])
    given = Answers((0, 1), truth, shares.argmax(axis=1), shares)
    expected = log_loss(truth, shares.astype(np.float32))
    assert scores.measure(given)["log_loss"] == pytest.approx(expected)
    assert bootstrap.measured("log_loss", given) == pytest.approx(expected)


def test_the_same_seed_gives_the_same_interval() -> None:
    truth = labels(80, 3)
    pair = Paired(answers(truth, 1, 3), answers(truth, 2, 3))
    first, second = (
        bootstrap.interval("brier", pair, 0.05, np.random.default_rng(9)) for _ in range(2)
    )
    assert first == second


@given(gained=st.integers(0, 60), lost=st.integers(0, 60))
def test_mcnemar_is_the_binomial_test_of_the_discordant_rows(gained: int, lost: int) -> None:
    both = gained + lost
    expected = binomtest(gained, both, alternative="greater").pvalue if both else 1.0
    assert exact.mcnemar(gained, lost) == pytest.approx(expected)
    half = expected - binom.pmf(gained, both, 0.5) / 2 if both else 1.0
    assert exact.mcnemar(gained, lost, mid=True) == pytest.approx(half)


@given(right=st.integers(0, 40), wrong=st.integers(0, 40))
def test_the_bounds_of_a_share_are_clopper_and_pearsons(right: int, wrong: int) -> None:
    rows = right + wrong + (right + wrong == 0)
    expected = binomtest(right, rows).proportion_ci(0.9, method="exact")
    found = exact.share_bounds(right, rows, 0.05)
    assert found == pytest.approx((expected.low, expected.high), abs=1e-9)


@given(
    gained=st.integers(0, 50),
    lost=st.integers(0, 50),
    alike=st.integers(0, 500),
    alpha=st.sampled_from([0.001, 0.05, 0.2]),
)
def test_the_bounds_of_a_difference_hold_it_and_mirror_each_other(
    gained: int, lost: int, alike: int, alpha: float
) -> None:
    rows = gained + lost + alike + 1
    low, high = exact.difference_bounds(gained, lost, rows, alpha)
    assert -1 <= low <= (gained - lost) / rows <= high <= 1
    mirrored = exact.difference_bounds(lost, gained, rows, alpha)
    assert mirrored == pytest.approx((-high, -low))
    wider = exact.difference_bounds(gained, lost, rows, alpha / 2)
    assert wider[0] <= low
    assert high <= wider[1]


def trinomial(rows: int, gain: float, loss: float) -> np.ndarray:
    """Return the probability of each number of gained (row) and lost (column) rows."""
    lost = np.arange(rows + 1)
    by_lost = binom.pmf(lost, rows, loss)
    left = binom.pmf(np.arange(rows + 1)[:, None], rows - lost[None, :], gain / (1 - loss))
    return np.nan_to_num(left) * by_lost


@pytest.mark.parametrize(("rows", "gain"), [(30, 0.0), (30, 0.1), (90, 0.02)])
@pytest.mark.parametrize("margin", [0.05, 0.1])
def test_a_model_worse_by_the_margin_is_taken_for_non_inferior_at_most_alpha_of_the_time(
    rows: int, gain: float, margin: float
) -> None:
    """Counted over every outcome that there can be, not simulated."""
    chances = trinomial(rows, gain, gain + margin)
    likely = np.argwhere(chances > 1e-7)
    passed = sum(
        chances[b, c]
        for b, c in likely
        if exact.difference_bounds(int(b), int(c), rows, 0.05)[0] >= -margin
    )
    assert passed <= 0.05
