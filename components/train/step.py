"""Train with files: a table artifact in, a trained model and its MLflow run out."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from components import conversion, models, preprocessing, rows, telling, trained
from components.rows import Rows
from components.train import rules
from serving import skops_types
from serving.artifact import NATIVE
from serving.errors import UsageError
from serving.signature import Column, Signature
from serving.storage import partial

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.pipeline import Pipeline

    from components.table_schema import TableSchema


class Tracker(Protocol):
    """What training needs of `components.tracking`."""

    def start_run(
        self, *, name: str, run_key: str, parameters: Mapping[str, object], dataset: TableSchema
    ) -> str:
        """Open the run and return its id."""

    def save_native(
        self,
        pipeline: object,
        directory: Path,
        *,
        signature: Signature,
        input_example: pd.DataFrame,
        trusted_types: tuple[str, ...],
    ) -> None:
        """Write an MLflow model directory."""


@dataclass(frozen=True)
class Request:
    """What is to be trained, and for which run; `asked`: what else was asked for, to record."""

    name: str
    kind: str
    hyperparameters: Mapping[str, Any]
    random_state: int
    run_key: str
    asked: Mapping[str, Any]

    def checked(self) -> dict[str, Any]:
        """Return every hyperparameter, with its default where none was given."""
        return models.parse(self.kind, self.hyperparameters).model_dump()

    def parameters(self) -> dict[str, Any]:
        """Return what the MLflow run records."""
        return {
            "kind": self.kind,
            "random_state": self.random_state,
            **{f"hyperparameters.{key}": value for key, value in self.checked().items()},
            **self.asked,
        }


@dataclass(frozen=True)
class Fitted:
    """A fitted pipeline, the columns it takes, and the frame it was fitted on."""

    pipeline: Pipeline
    columns: tuple[Column, ...]
    frame: pd.DataFrame
    notes: tuple[str, ...]
    seconds: float

    @property
    def signature(self) -> Signature:
        """What the model takes and answers."""
        return Signature(self.columns, rules.labels(self.pipeline.classes_))


def run(table: Path, request: Request, model: Path, tracker: Tracker) -> str:
    """Train, write the model directory of `components.trained`, and return the MLflow run's id.

    Raises `UsageError` for hyperparameters, columns or labels that no model can be made of.
    """
    given = rows.read(table)
    fitted = fit(given, request)
    run_id = tracker.start_run(
        name=request.name,
        run_key=request.run_key,
        parameters=request.parameters(),
        dataset=given.schema,
    )
    with partial(model) as unfinished:
        unfinished.mkdir()
        _write(unfinished, fitted, _training(given, request, fitted), tracker)
    return run_id


def fit(given: Rows, request: Request) -> Fitted:
    """Return the fitted pipeline with what it was fitted on."""
    rules.refuse_unlearnable(given)
    columns = rules.columns(given)
    conversion.refuse_names(columns)
    pipeline = models.build(request.kind, request.hyperparameters, columns, request.random_state)
    frame = preprocessing.frame(columns, given.cells)
    started = time.perf_counter()
    notes = _fit(pipeline, frame, given, request.kind)
    return Fitted(pipeline, columns, frame, notes, time.perf_counter() - started)


def _fit(pipeline: Pipeline, frame: pd.DataFrame, given: Rows, kind: str) -> tuple[str, ...]:
    """Fit in place and return what scikit-learn warned of, a sentence each."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            preprocessing.fit(pipeline, frame, given.labels)
        except ValueError as error:
            reason = str(error).splitlines()[0]
            raise UsageError(f"{kind} cannot be trained on this data: {reason}") from error
    return tuple(dict.fromkeys(models.note(kind, item.message) for item in caught))


def _training(given: Rows, request: Request, fitted: Fitted) -> trained.Training:
    return trained.Training(
        kind=request.kind,
        hyperparameters=request.checked(),
        random_state=request.random_state,
        rows=given.schema.rows,
        seconds=round(fitted.seconds, 3),
        data_sha256=given.schema.sha256,
        target=given.schema.target,
        libraries=trained.libraries(),
        notes=fitted.notes,
    )


def _write(directory: Path, fitted: Fitted, training: trained.Training, tracker: Tracker) -> None:
    tracker.save_native(
        fitted.pipeline,
        directory / NATIVE,
        signature=fitted.signature,
        input_example=fitted.frame.head(5),
        trusted_types=skops_types.BEYOND_SKOPS,
    )
    trained.write(directory, fitted.signature, training)
    for note in fitted.notes:
        telling.note(note)
