"""The unfitted pipeline of a kind: preprocessing, then what is fitted behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from components.models.hyperparameters import Epochs
from components.models.kinds import UNSCALED, parse, settings

if TYPE_CHECKING:
    from pydantic import BaseModel
    from sklearn.pipeline import Pipeline

    from components.models.epochs import Watch
    from serving.signature import Column

    Asked = tuple[BaseModel, int, Watch | None]


def build(
    kind: str,
    hyperparameters: Mapping[str, Any],
    columns: tuple[Column, ...],
    random_state: int,
    task: str = "tabular",
) -> Pipeline:
    """Return an unfitted scikit-learn Pipeline: `prepare` (preprocessing), then `model`.

    Fit it by `preprocessing.fit`.
    """
    from sklearn.pipeline import Pipeline

    from components.preprocessing import transformer

    model = _model(kind, parse(kind, hyperparameters, task), random_state, task)
    prepare = transformer(columns, scale=kind not in UNSCALED)
    return Pipeline([("prepare", prepare), ("model", model)])


def watched(pipeline: Pipeline, watch: Watch) -> Pipeline:
    """Let `watch` be told of every epoch of an unfitted pipeline, of the kinds that have any."""
    model = pipeline.named_steps["model"]
    if hasattr(model, "watch"):
        model.watch = watch
    return pipeline


def by_epochs(kind: str, hyperparameters: Mapping[str, Any], task: str = "tabular") -> bool:
    """Say whether a kind learns by epochs, from rows that need not be in memory at once."""
    return _has_epochs(parse(kind, hyperparameters, task))


def _has_epochs(asked: BaseModel) -> bool:
    return isinstance(asked, Epochs) and getattr(asked, "solver", "") != "lbfgs"


def _model(kind: str, asked: BaseModel, random_state: int, task: str) -> Any:
    given, regression = settings(asked), task == "tabular-regression"
    if isinstance(asked, Epochs) and _has_epochs(asked):
        from components.models.trainers import ClassifierTrainer, RegressorTrainer

        trainer = RegressorTrainer if regression else ClassifierTrainer
        return trainer(kind, asked, given, random_state)
    make = _REGRESSORS[kind] if regression else _CLASSIFIERS[kind]
    return make(given, random_state)


def _logistic_regression(given: dict[str, Any], random_state: int) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(**given, random_state=random_state)


def _svm(given: dict[str, Any], random_state: int) -> Any:
    from components.models.kernels import SvmTrainer

    return SvmTrainer(given, random_state)


def _random_forest(given: dict[str, Any], random_state: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(**given, random_state=random_state)


def _hist_gradient_boosting(given: dict[str, Any], random_state: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(**given, random_state=random_state)


def _svm_regression(given: dict[str, Any], random_state: int) -> Any:
    from components.models.kernels import SvrTrainer

    return SvrTrainer(given)


def _random_forest_regression(given: dict[str, Any], random_state: int) -> Any:
    from sklearn.ensemble import RandomForestRegressor

    return RandomForestRegressor(**given, random_state=random_state)


def _hist_gradient_boosting_regression(given: dict[str, Any], random_state: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(**given, random_state=random_state)


_CLASSIFIERS: dict[str, Callable[[dict[str, Any], int], Any]] = {
    "logistic_regression": _logistic_regression,
    "svm": _svm,
    "random_forest": _random_forest,
    "hist_gradient_boosting": _hist_gradient_boosting,
}
_REGRESSORS: dict[str, Callable[[dict[str, Any], int], Any]] = {
    "svm": _svm_regression,
    "random_forest": _random_forest_regression,
    "hist_gradient_boosting": _hist_gradient_boosting_regression,
}
