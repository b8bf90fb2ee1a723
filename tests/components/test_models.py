"""Model kinds: what they accept, what they refuse, and that knowing them is cheap."""

from __future__ import annotations

import subprocess
import sys

import pytest

from components import models
from components.models import HYPERPARAMETERS
from serving.errors import UsageError
from serving.signature import Column


def test_knowing_the_kinds_imports_nothing_heavy() -> None:
    code = (
        "import sys; import components.models, components.metrics;"
        "heavy = {'sklearn', 'pandas', 'polars', 'numpy', 'mlflow', 'onnx'} & set(sys.modules);"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


KINDS = [(task, kind) for task, kinds in HYPERPARAMETERS.items() for kind in kinds]


@pytest.mark.parametrize(("task", "kind"), KINDS)
def test_every_hyperparameter_is_documented_and_has_a_default(task: str, kind: str) -> None:
    assert HYPERPARAMETERS[task][kind].__doc__
    for name, field in HYPERPARAMETERS[task][kind].model_fields.items():
        assert field.description, name
        assert not field.is_required(), name


@pytest.mark.parametrize("kind", ["random_forest", "hist_gradient_boosting"])
@pytest.mark.parametrize("task", HYPERPARAMETERS)
def test_every_hyperparameter_of_trees_is_one_of_the_estimator(task: str, kind: str) -> None:
    pipeline = models.build(kind, {}, (Column("x", "number"),), 5, task)
    estimator = pipeline.named_steps["model"].get_params()
    assert set(HYPERPARAMETERS[task][kind].model_fields) <= set(estimator)
    assert estimator["random_state"] == 5


@pytest.mark.parametrize(
    ("kind", "given", "words"),
    [
        ("random_forst", {}, ["no model kind 'random_forst'", "did you mean random_forest"]),
        ("zzz", {}, ["known are logistic_regression, linear_svm, perceptron"]),
        ("random_forest", {"n_estimator": 5}, ["'n_estimator'", "did you mean n_estimators"]),
        ("random_forest", {"n_estimators": 0}, ["n_estimators is 0", "greater than or equal to 1"]),
        ("random_forest", {"max_features": "all"}, ["max_features is 'all'", "'sqrt'"]),
        ("random_forest", {"max_features": 1.5}, ["max_features is 1.5"]),
        ("hist_gradient_boosting", {"learning_rate": 2}, ["learning_rate is 2"]),
        ("logistic_regression", {"C": float("nan")}, ["C is nan"]),
        ("logistic_regression", {"C": 1, "epochs": 5}, ["epochs is of the solver sgd"]),
        ("logistic_regression", {"solver": "sgd", "tol": 0.1}, ["tol is of the solver lbfgs"]),
        ("linear_regression", {}, ["of the task tabular (linear_regression is of tabular-reg"]),
        ("mlp", {"hidden_layer_sizes": []}, ["hidden_layer_sizes is []"]),
        ("mlp", {"hidden_layer_sizes": [64, 0]}, ["hidden_layer_sizes is 0"]),
        ("svm", {"gamma": -1}, ["gamma is -1"]),
        ("svm", {"tol": 1e-300}, ["tol is 1e-300"]),  # it would never end
        ("passive_aggressive", {"variant": "pa3"}, ["variant is 'pa3'"]),
        ("perceptron", {"early_stopping": True, "validation_size": 0}, ["raise validation_size"]),
        ("logistic_regression", {"class_weight": "heavy"}, ["class_weight is 'heavy'"]),
    ],
)
def test_a_wrong_kind_or_hyperparameter_is_refused_with_what_is_allowed(
    kind: str, given: dict[str, object], words: list[str]
) -> None:
    with pytest.raises(UsageError) as refused:
        models.parse(kind, given)
    assert all(word in str(refused.value) for word in words), str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("random_forest", {"n_estimators": 20.0, "max_depth": None, "max_features": 0.5}),
        ("hist_gradient_boosting", {"max_iter": 7.0, "early_stopping": False}),
        ("logistic_regression", {"max_iter": 50.0, "class_weight": "balanced"}),
    ],
)
def test_whole_numbers_may_arrive_as_floats_as_kfp_sends_them(
    kind: str, given: dict[str, object]
) -> None:
    settings = models.parse(kind, given).model_dump()
    assert all(settings[key] == value for key, value in given.items())
    integers = {"n_estimators", "max_iter"} & set(given)
    assert all(isinstance(settings[key], int) for key in integers)
