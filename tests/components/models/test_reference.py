"""The linear kinds beside scikit-learn's own, cross-validated on the data that it ships."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import datasets
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from components import models
from serving.signature import Column

pytestmark = pytest.mark.e2e  # trains every linear kind on every set, fold by fold

SETS = {
    "iris": datasets.load_iris,
    "tumours": datasets.load_breast_cancer,
    "digits": datasets.load_digits,
}
KINDS = ("logistic_regression", "linear_svm", "perceptron", "passive_aggressive")
FOLDS = StratifiedKFold(3, shuffle=True, random_state=0)
BEHIND = 0.03
"""By which a kind may be behind the worse of the two references: a few rows of a fold."""


def accuracy(make: object, rows: np.ndarray, labels: np.ndarray) -> float:
    right = []
    for train, test in FOLDS.split(rows, labels):
        scaler = StandardScaler().fit(rows[train])
        seen, asked = (scaler.transform(rows[part]).astype(np.float32) for part in (train, test))
        fitted = make().fit(seen, labels[train])  # type: ignore[operator]
        right.append(getattr(fitted, "fitted_", fitted).predict(asked) == labels[test])
    return float(np.concatenate(right).mean())


def ours(kind: str) -> object:
    return models.build(kind, {}, (Column("x", "number"),), 42).named_steps["model"]


@pytest.mark.parametrize("name", SETS)
def test_every_linear_kind_is_as_good_as_scikit_learn_s(name: str) -> None:
    rows, labels = (each[:900] for each in SETS[name](return_X_y=True))
    references = [lambda: LogisticRegression(max_iter=2000), LinearSVC]
    least = min(accuracy(make, rows, labels) for make in references) - BEHIND
    found = {kind: accuracy(lambda kind=kind: ours(kind), rows, labels) for kind in KINDS}
    assert min(found.values()) >= least, (found, least)


@pytest.mark.parametrize("variant", ["pa1", "pa2"])
def test_both_variants_of_passive_aggressive_learn_classes_and_numbers(variant: str) -> None:
    rng = np.random.default_rng(2)
    rows = rng.normal(size=(200, 3)).astype(np.float32)
    truth = rows @ np.array([3.0, -2.0, 1.0])
    told: list[tuple[str, np.ndarray]] = [("tabular", truth > 0), ("tabular-regression", truth)]
    for task, target in told:
        asked = {"variant": variant, "epochs": 20}
        trainer = models.build("passive_aggressive", asked, (), 42, task).named_steps["model"]
        assert trainer.fit(rows, target).fitted_.score(rows, target) > 0.95
