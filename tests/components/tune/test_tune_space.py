"""What may be searched, and which trials a seed draws."""

import json

import pytest

from components.tune import asked, space
from components.tune.asked import Tune
from serving.errors import UsageError

FOREST = {"max_depth": [3, None], "max_features": ["sqrt", 0.5]}
REFUSED = [
    ({}, "tune.space: field required"),
    ({"space": {}}, "tune.space: "),
    ({"space": {"max_depth": []}}, "tune.space.max_depth"),
    ({"space": FOREST, "method": "bayes"}, "tune.method: input should be 'grid'"),
    ({"space": FOREST, "trials": 257}, "less than or equal to 256"),
    ({"space": FOREST, "cv": 1}, "tune.cv"),
    ({"space": FOREST, "folds": 3}, "tune.folds"),
    ({"space": {"max_depth": {"low": 5, "high": 5}}}, "low (5) must be below high (5)"),
    ({"space": {"max_depth": {"low": 0, "high": 5, "log": True}}}, "must be above 0"),
    ({"method": "grid", "space": {"max_depth": {"low": 1, "high": 5}}}, "max_depth is a range"),
    ({"method": "grid", "space": {"a": [*range(20)], "b": [*range(20)]}}, "has 400 combinations"),
    ({"method": "grid", "space": FOREST, "trials": 3}, "has 4 combinations, and at most 3"),
    ({"space": {"max_dept": [1]}}, "there is no hyperparameter 'max_dept'"),
    ({"space": {"max_depth": [0]}}, "hyperparameter max_depth is 0"),
    ({"space": {"max_depth": {"low": 0, "high": 5}}}, "hyperparameter max_depth is 0"),
    (
        {"space": {"max_depth": {"low": 1.5, "high": 5}}},
        "max_depth is 1.5; input should be",
    ),
    ({"space": {"class_weight": {"low": 1, "high": 5}}}, "class_weight is 1.0"),
    ({"space": FOREST, "metric": "rmse"}, "'rmse' is no metric of tabular"),
]


@pytest.mark.parametrize(("given", "said"), REFUSED, ids=lambda given: str(given)[:60])
def test_a_space_that_the_kind_does_not_have_is_refused_in_a_sentence(given, said) -> None:
    with pytest.raises(UsageError) as caught:
        asked.check(asked.parsed(given), "tabular", "random_forest")
    assert said in str(caught.value)


def drawn(kind: str, seed: int = 1, **given: object) -> list[dict[str, object]]:
    return list(space.drawn(Tune.model_validate(given), "tabular", kind, seed))


def test_a_grid_is_every_combination_of_values_as_the_kind_reads_them() -> None:
    given = {"n_estimators": [10.0, 10, 20], "max_features": ["sqrt", None]}
    assert drawn("random_forest", method="grid", space=given) == [
        {"n_estimators": n, "max_features": f} for n in (10, 20) for f in ("sqrt", None)
    ]


def test_the_same_seed_draws_the_same_trials_none_twice_and_within_the_bounds() -> None:
    given = {"C": {"low": 0.01, "high": 100, "log": True}, "gamma": ["scale", 0.1]}
    first, again, other = (drawn("svm", seed, space=given, trials=40) for seed in (1, 1, 2))
    assert first == again != other
    assert len({json.dumps(one) for one in first}) == 40
    assert all(0.01 <= one["C"] <= 100 for one in first)
    assert 10 < sum(one["C"] < 1 for one in first) < 30, "evenly over orders of magnitude"


def test_whole_numbers_are_drawn_where_the_hyperparameter_is_one() -> None:
    given = {"max_depth": {"low": 1, "high": 4}}
    found = drawn("random_forest", space=given, trials=30)
    assert sorted(one["max_depth"] for one in found) == [1, 2, 3, 4]


def test_a_space_with_fewer_combinations_than_trials_is_tried_whole() -> None:
    assert len(drawn("random_forest", space=FOREST, trials=30)) == 4
    assert len(drawn("random_forest", space=FOREST, trials=3)) == 3
