"""From a training part that is in memory to a fitted pipeline."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from components import conversion, inputs, models, preprocessing
from components.models.kinds import settings, unsplit
from components.rows import Rows
from components.table_schema import TableSchema
from components.train import rules
from serving.errors import UsageError
from serving.signature import Column, Signature

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.pipeline import Pipeline

    from components.models.epochs import Watch

REGRESSION = "tabular-regression"


@dataclass(frozen=True)
class Request:
    """What is to be trained, and for which run.

    `asked`: what else was asked for, to record; `notes`: sentences for the model's report.
    """

    name: str
    kind: str
    hyperparameters: Mapping[str, Any]
    random_state: int
    run_key: str
    asked: Mapping[str, Any]
    task: str = "tabular"
    notes: tuple[str, ...] = ()

    def checked(self) -> dict[str, Any]:
        """Return every hyperparameter, with its default where none was given."""
        return settings(models.parse(self.kind, self.hyperparameters, self.task))

    def parameters(self) -> dict[str, Any]:
        """Return what the MLflow run records."""
        return {
            "task": self.task,
            "kind": self.kind,
            "random_state": self.random_state,
            **{f"hyperparameters.{key}": value for key, value in self.checked().items()},
            **self.asked,
        }

    def pipeline(self, columns: tuple[Column, ...], watch: Watch | None) -> Pipeline:
        """Return the unfitted pipeline; `watch` is told of every epoch."""
        pipeline = models.build(
            self.kind, self.hyperparameters, columns, self.random_state, self.task
        )
        return pipeline if watch is None else models.watched(pipeline, watch)


@dataclass(frozen=True)
class Fitted:
    """A fitted pipeline, the columns it takes, and (the first rows of) what it was fitted on."""

    pipeline: Pipeline
    columns: tuple[Column, ...]
    frame: pd.DataFrame
    notes: tuple[str, ...]
    seconds: float

    @property
    def signature(self) -> Signature:
        """What the model takes and answers."""
        model = self.pipeline.named_steps["model"]
        labels = rules.labels(model.classes_) if hasattr(model, "classes_") else ()
        return Signature(self.columns, labels)


@dataclass(frozen=True)
class Prepared:
    """Everything that can be refused has been looked at; only the fit is left."""

    given: Rows
    columns: tuple[Column, ...]
    frame: pd.DataFrame

    @property
    def schema(self) -> TableSchema:
        """What the training part says about itself."""
        return self.given.schema


def prepare(given: Rows, request: Request) -> Prepared:
    """Return what is to be fitted on; raise `UsageError` for what no model can be made of."""
    request.checked()
    refuse_other_task(given.schema, request)
    inputs.refuse_unlearnable(given.schema, given.labels)
    columns = inputs.columns(given)
    conversion.refuse_names(columns)
    return Prepared(given, columns, preprocessing.frame(columns, given.cells))


def refuse_other_task(schema: TableSchema, request: Request) -> None:
    """Raise `UsageError` for a table that was read to tell classes where numbers are asked for."""
    if schema.is_quantity is not (request.task == REGRESSION):
        raise UsageError(f"The table was not read for the task {request.task}; run ingest for it.")


def fit(prepared: Prepared, request: Request, watch: Watch | None = None) -> Fitted:
    """Return the fitted pipeline with what it was fitted on; `watch` is told of every epoch."""
    pipeline = request.pipeline(prepared.columns, watch)
    started = time.perf_counter()
    notes = noted(
        request.kind,
        lambda: preprocessing.fit(pipeline, prepared.frame, prepared.given.labels),
    )
    seconds = time.perf_counter() - started
    notes += unsplit(request.kind, request.checked(), len(prepared.frame))
    return Fitted(pipeline, prepared.columns, prepared.frame, notes, seconds)


def noted(kind: str, train: Callable[[], object]) -> tuple[str, ...]:
    """Train, and return what is to be said about it, a sentence each."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            train()
        except ValueError as error:
            reason = str(error).splitlines()[0]
            raise UsageError(f"{kind} cannot be trained on this data: {reason}") from error
    return models.notes(kind, [item.message for item in caught])
