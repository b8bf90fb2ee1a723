"""Which rows a trial sees, which trial wins, and how the work is dealt out."""

from dataclasses import replace

import numpy as np
import pytest

from components.tune import report, rules
from components.tune.folds import folds, part
from components.tune.rules import Search, Trial
from serving.errors import UsageError


def search(*trials: Trial, method: str = "grid", metric: str = "accuracy") -> Search:
    return Search("tabular", "svm", method, metric, 2, 7, {"tol": 0.1}, trials)


def trial(number: int, *scores: float, rows: int = 100, error: str = "") -> Trial:
    return Trial(number, {"C": 10.0**number, "gamma": "scale"}, scores, rows, 0.5, error)


def test_every_row_is_tested_once_and_every_class_is_dealt_out_evenly() -> None:
    labels = np.array(["a"] * 50 + ["b"] * 10 + ["c"] * 3)
    found = folds(labels, 5, 3)
    assert sorted(np.concatenate([test for _, test in found])) == [*range(63)]
    for train, test in found:
        assert not set(train) & set(test)
        assert [(labels[test] == name).sum() for name in "ab"] == [10, 2]
        assert set(labels[part(train, 1 / 3)]) >= {"a", "b"}
    again = folds(labels, 5, 3)
    assert all((a[1] == b[1]).all() for a, b in zip(found, again, strict=True))


def test_small_and_large_numbers_are_in_every_fold() -> None:
    labels = np.random.default_rng(1).lognormal(0, 3, 200)
    medians = [float(np.median(labels[test])) for _, test in folds(labels, 4, 1)]
    assert max(medians) < 1.5 * min(medians)


WINNERS = [
    ("accuracy", [trial(1, 0.8, 0.9), trial(2, 0.9, 0.9), trial(3, 0.9, 0.9)], 2),
    ("log_loss", [trial(1, 0.8, 0.9), trial(2, 0.9, 0.9)], 1),
    ("accuracy", [trial(1, error="no"), trial(2, 0.1, 0.1)], 2),
    ("accuracy", [trial(1, 0.99, 0.99, rows=30), trial(2, 0.9, 0.9)], 2),
]


@pytest.mark.parametrize(("metric", "trials", "number"), WINNERS)
def test_the_best_is_chosen_on_all_rows_and_the_earlier_of_equals(metric, trials, number) -> None:
    assert rules.best(search(*trials, metric=metric)).number == number


def test_where_every_trial_failed_the_first_reason_is_told() -> None:
    with pytest.raises(UsageError, match="None of the 2 trials could be trained; the first: odd"):
        rules.best(search(trial(1, error="odd"), trial(2, error="even")))


@pytest.mark.parametrize(
    ("method", "pods", "counts"), [("grid", 1, [5]), ("random", 3, [2, 2, 1]), ("halving", 3, [5])]
)
def test_pods_share_the_trials_but_those_of_halving(method, pods, counts) -> None:
    whole = search(*(trial(number, 0.5) for number in range(1, 6)), method=method)
    parts = rules.shards(whole, pods)
    assert [len(each.trials) for each in parts] == counts
    again = [rules.from_json(each.to_json()) for each in reversed(parts)]
    assert rules.together(again) == whole
    used = [replace(each, usage=({"at": [n]},)) for n, each in enumerate(again)]
    found = rules.together([rules.from_json(each.to_json()) for each in used])
    assert found.usage == tuple({"at": [n]} for n in range(len(used)))


def test_what_256_trials_showed_in_20_folds_is_an_argument_of_a_step() -> None:
    space = {"max_depth": 150, "min_samples_leaf": 7, "max_features": 0.443457}
    shown = [Trial(number, space, (0.987654,) * 20, 1000, 12.345) for number in range(1, 257)]
    assert len(search(*shown).to_json()) < 100_000  # of 131,072, with quotes escaped and the rest


@pytest.mark.parametrize(
    ("trials", "rows", "shares"), [(2, 1000, 1), (9, 1000, 3), (9, 100, 2), (9, 50, 1)]
)
def test_halving_begins_on_few_rows_but_never_on_too_few(trials, rows, shares) -> None:
    given = search(*(trial(n, 0.5) for n in range(trials)), method="halving")
    found = rules.rungs(given, rows)
    assert (len(found), found[-1]) == (shares, 1.0)


def test_results_name_every_trial_and_escape_what_is_said() -> None:
    given = search(trial(1, 0.8, 0.9), trial(2, error="<script>"), trial(3, 0.7, 0.7))
    rows = report.table(given).splitlines()
    assert rows[0] == "trial,C,gamma,accuracy,accuracy_std,folds,rows,seconds,error"
    assert rows[2] == "2,100,scale,,,0,100,0.5,<script>"
    drawn = report.drawing(given)
    assert drawn.count("<polyline") == 2
    page = report.page(given, drawn)
    assert drawn in page and "&lt;script&gt;" in page and "<script>" not in page
