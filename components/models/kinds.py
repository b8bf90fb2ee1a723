"""Which kinds there are for which task, and what is allowed to be asked of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, get_args

from pydantic import BaseModel, ValidationError

from components.models import hyperparameters as of
from components.nearest import instead
from serving.errors import UsageError

Task = Literal["tabular", "tabular-regression"]
TASKS: tuple[Task, ...] = get_args(Task)

HYPERPARAMETERS: dict[str, dict[str, type[BaseModel]]] = {
    "tabular": {
        "logistic_regression": of.LogisticRegression,
        "linear_svm": of.LinearSvm,
        "perceptron": of.Perceptron,
        "passive_aggressive": of.PassiveAggressive,
        "mlp": of.Mlp,
        "svm": of.Svm,
        "random_forest": of.RandomForest,
        "hist_gradient_boosting": of.HistGradientBoosting,
    },
    "tabular-regression": {
        "linear_regression": of.LinearRegression,
        "linear_svm": of.LinearSvmRegression,
        "passive_aggressive": of.PassiveAggressiveRegression,
        "mlp": of.MlpRegression,
        "svm": of.SvmRegression,
        "random_forest": of.RandomForestRegression,
        "hist_gradient_boosting": of.HistGradientBoostingRegression,
    },
}
"""Task → kind → its hyperparameters."""

UNSCALED = frozenset({"random_forest", "hist_gradient_boosting"})
"""Kinds that want numbers as they are: trees, which lose ONNX parity behind a scaler."""


def parse(kind: str, hyperparameters: Mapping[str, Any], task: str = "tabular") -> BaseModel:
    """Return the checked hyperparameters of a kind, with defaults for what is not given.

    Raises `UsageError` naming the key, the value and what is allowed.
    """
    if task not in HYPERPARAMETERS:
        raise UsageError(f"There is no task {task!r} for tables; {instead(task, TASKS)}.")
    kinds = HYPERPARAMETERS[task]
    elsewhere = [t for t in TASKS if kind in HYPERPARAMETERS[t]]
    if kind not in kinds and elsewhere:
        raise UsageError(
            f"There is no model kind {kind!r} of the task {task} ({kind} is of {elsewhere[0]}); "
            f"{instead(kind, kinds)}."
        )
    return parsed(kinds, kind, hyperparameters)


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


def settings(asked: BaseModel) -> dict[str, Any]:
    """Return what was asked for in full: every hyperparameter that has a meaning together."""
    if isinstance(asked, of.LogisticRegression):
        return asked.model_dump(exclude={*(of.SGD if asked.solver == "lbfgs" else of.LBFGS)})
    return asked.model_dump()


def notes(kind: str, warnings: Iterable[Warning | str]) -> tuple[str, ...]:
    """Return what a person can do about the warnings of a training, a sentence each.

    The others are of a library's own affairs: of many classes it asks whether they are numbers.
    """
    early = any(type(each).__name__ == "ConvergenceWarning" for each in warnings)
    if not early:
        return ()
    if kind == "svm":
        return (f"{kind} stopped before it converged; raise tol, or lower C.",)
    return (f"{kind} stopped before it converged; raise max_iter, or lower C.",)


def unsplit(kind: str, settings: Mapping[str, Any], rows: int) -> tuple[str, ...]:
    """Return what to say of trees that cannot have two leaves: they answer every row alike."""
    least = settings.get("min_samples_leaf")
    if least is None or rows >= 2 * least:
        return ()
    return (
        f"{kind} can split no tree: a leaf takes {least:,} rows at least, and there are {rows:,}; "
        "lower min_samples_leaf.",
    )


def _sentence(known: type[BaseModel], error: ValidationError) -> str:
    first = error.errors()[0]
    name = ".".join(map(str, first["loc"][:1])) or "hyperparameters"
    if first["type"] == "extra_forbidden":
        return f"there is no hyperparameter {name!r}; {instead(name, known.model_fields)}"
    if not first["loc"]:
        return str(first["msg"]).removeprefix("Value error, ")
    return f"hyperparameter {name} is {first['input']!r:.120}; {_lowered(first['msg'])}"


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]
