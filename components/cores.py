"""How many cores a model uses: one for small data, all of them for large."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

PARALLEL_ROWS = 20_000
"""From here on more cores pay. Below, threads cost more than they save, and on a machine that is
busy (predictors are serving) their waiting for one another costs seconds."""


@contextmanager
def cores_for(pipeline: Pipeline, rows: int) -> Iterator[None]:
    """Let a pipeline that is fitted or asked inside use the cores that its rows are worth.

    A forest that is fitted on all cores answers on one again: its threads would add up
    probabilities in any order, and the last bit of an answer would change from call to call.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    model = pipeline.named_steps["model"]
    # Elsewhere scikit-learn keeps the parameter for old code only, and warns.
    forest = type(model).__name__ == "RandomForestClassifier" and not hasattr(model, "classes_")
    many = rows >= PARALLEL_ROWS
    if forest and many:
        model.set_params(n_jobs=-1)
    try:
        with threadpool_limits(limits=None if many else 1):
            yield
    finally:
        if forest and many:
            model.set_params(n_jobs=None)
