"""The model kinds that can be trained: their hyperparameters, and the pipeline of each.

Importing this file is cheap (pydantic only): the spec, the forms and the console read
`HYPERPARAMETERS` from here. scikit-learn is imported when a pipeline is built.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from components.nearest import instead
from serving.errors import UsageError

if TYPE_CHECKING:
    from sklearn.base import ClassifierMixin
    from sklearn.pipeline import Pipeline

    from serving.signature import Column

ClassWeight = Literal["balanced"] | None
CLASS_WEIGHT = "`balanced`: every class weighs the same in training, however rare it is."


class Hyperparameters(BaseModel):
    """What every kind refuses: unknown names, and values outside their bounds."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class LogisticRegression(Hyperparameters):
    """A linear model with probabilities; the baseline to beat."""

    C: float = Field(1.0, gt=0, le=1e6, description="Inverse regularization: smaller is simpler.")
    max_iter: int = Field(1000, ge=1, le=100_000, description="Steps of the solver at most.")
    tol: float = Field(1e-4, gt=0, le=1, description="The solver stops below this gradient.")
    class_weight: ClassWeight = Field(None, description=CLASS_WEIGHT)


class RandomForest(Hyperparameters):
    """Many trees that vote; needs no scaling and little tuning."""

    n_estimators: int = Field(100, ge=1, le=5000, description="Number of trees.")
    max_depth: int | None = Field(
        None, ge=1, le=200, description="Depth of a tree; null: no limit."
    )
    min_samples_leaf: int = Field(1, ge=1, le=1_000_000, description="Rows in a leaf at least.")
    max_features: Literal["sqrt", "log2"] | float | None = Field(
        "sqrt",
        gt=0,
        le=1,
        description="Columns tried at a split: `sqrt`, `log2`, a share up to 1, or null for all.",
    )
    class_weight: ClassWeight = Field(None, description=CLASS_WEIGHT)


class HistGradientBoosting(Hyperparameters):
    """Trees that correct one another; usually the most accurate on tables."""

    learning_rate: float = Field(0.1, gt=0, le=1, description="Share of each tree's correction.")
    max_iter: int = Field(100, ge=1, le=10_000, description="Trees a class at most.")
    max_leaf_nodes: int | None = Field(
        31, ge=2, le=10_000, description="Leaves of a tree; null: any."
    )
    max_depth: int | None = Field(
        None, ge=1, le=200, description="Depth of a tree; null: no limit."
    )
    min_samples_leaf: int = Field(20, ge=1, le=1_000_000, description="Rows in a leaf at least.")
    l2_regularization: float = Field(0.0, ge=0, le=1e6, description="Pulls leaf values to zero.")
    early_stopping: Literal["auto"] | bool = Field(
        "auto", description="Stop when a held-out tenth stops improving; `auto`: above 10,000 rows."
    )
    class_weight: ClassWeight = Field(None, description=CLASS_WEIGHT)


HYPERPARAMETERS: dict[str, type[BaseModel]] = {
    "logistic_regression": LogisticRegression,
    "random_forest": RandomForest,
    "hist_gradient_boosting": HistGradientBoosting,
}

SCALED = frozenset({"logistic_regression"})
"""Kinds that want numbers of one size. Trees do not, and lose ONNX parity behind a scaler."""


def parse(kind: str, hyperparameters: Mapping[str, Any]) -> BaseModel:
    """Return the checked hyperparameters of a kind, with defaults for what is not given.

    Raises `UsageError` naming the key, the value and what is allowed.
    """
    return parsed(HYPERPARAMETERS, kind, hyperparameters)


def parsed(
    kinds: Mapping[str, type[BaseModel]], kind: str, hyperparameters: Mapping[str, Any]
) -> BaseModel:
    """Return the checked hyperparameters of one of these kinds; raise `UsageError` as `parse`."""
    if kind not in kinds:
        raise UsageError(f"There is no model kind {kind!r}; {instead(kind, kinds)}.")
    try:
        return kinds[kind].model_validate(dict(hyperparameters))
    except ValidationError as error:
        raise UsageError(f"{kind}: {_sentence(kinds[kind], error)}.") from error


def build(
    kind: str, hyperparameters: Mapping[str, Any], columns: tuple[Column, ...], random_state: int
) -> Pipeline:
    """Return an unfitted scikit-learn Pipeline: `prepare` (preprocessing), then `model`."""
    from sklearn.pipeline import Pipeline

    from components.preprocessing import transformer

    settings = parse(kind, hyperparameters).model_dump()
    model = _ESTIMATORS[kind](settings, random_state)
    return Pipeline([("prepare", transformer(columns, scale=kind in SCALED)), ("model", model)])


def note(kind: str, warning: Warning | str) -> str:
    """Return a warning of training as one sentence with its remedy."""
    if type(warning).__name__ == "ConvergenceWarning":
        return f"{kind} stopped before it converged; raise max_iter, or lower C."
    return f"{kind}: {str(warning).splitlines()[0]}"


def _logistic_regression(settings: dict[str, Any], random_state: int) -> ClassifierMixin:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(**settings, random_state=random_state)


def _random_forest(settings: dict[str, Any], random_state: int) -> ClassifierMixin:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(**settings, random_state=random_state)


def _hist_gradient_boosting(settings: dict[str, Any], random_state: int) -> ClassifierMixin:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(**settings, random_state=random_state)


_ESTIMATORS: dict[str, Callable[[dict[str, Any], int], ClassifierMixin]] = {
    "logistic_regression": _logistic_regression,
    "random_forest": _random_forest,
    "hist_gradient_boosting": _hist_gradient_boosting,
}


def _sentence(kind: type[BaseModel], error: ValidationError) -> str:
    first = error.errors()[0]
    name = str(first["loc"][0]) if first["loc"] else "hyperparameters"
    if first["type"] == "extra_forbidden":
        return f"there is no hyperparameter {name!r}; {instead(name, kind.model_fields)}"
    return f"hyperparameter {name} is {first['input']!r}; {_lowered(first['msg'])}"


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]
