"""Train with files: a table artifact in, a trained model and its MLflow run out."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from components import conversion, inputs, models, preprocessing, rows, telling, trained
from components.models.kinds import settings
from components.rows import Rows
from components.train import rules
from components.train.closing import closing
from components.train.curves import Curves
from serving import skops_bytes, skops_model, skops_types
from serving.artifact import NATIVE
from serving.errors import UsageError
from serving.signature import Column, Signature
from serving.storage import partial

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.pipeline import Pipeline

    from components.models.epochs import Epoch, Watch
    from components.table_schema import TableSchema


REGRESSION = "tabular-regression"


class Tracker(Protocol):
    """What training needs of `components.tracking`."""

    def start_run(
        self, *, name: str, run_key: str, parameters: Mapping[str, object], dataset: TableSchema
    ) -> str:
        """Open the run and return its id."""

    def log_epochs(self, run_id: str, epochs: Sequence[Epoch]) -> None:
        """Add what was measured after these epochs to the run's curves."""

    def fail_run(self, run_id: str, reason: str) -> None:
        """Close the run as failed."""

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
        model = self.pipeline.named_steps["model"]
        labels = rules.labels(model.classes_) if hasattr(model, "classes_") else ()
        return Signature(self.columns, labels)


@dataclass(frozen=True)
class Prepared:
    """Everything that can be refused has been looked at; only the fit is left."""

    given: Rows
    columns: tuple[Column, ...]
    frame: pd.DataFrame


def run(table: Path, request: Request, model: Path, tracker: Tracker) -> str:
    """Train, write the model directory of `components.trained`, and return the MLflow run's id.

    The run is there before the first epoch, whose figures it gets while the training goes on.
    Raises `UsageError` for hyperparameters, columns or labels that no model can be made of.
    """
    prepared = prepare(rows.read(table), request)
    run_id = tracker.start_run(
        name=request.name,
        run_key=request.run_key,
        parameters=request.parameters(),
        dataset=prepared.given.schema,
    )
    with closing(tracker, run_id):
        curves = Curves(lambda epochs: tracker.log_epochs(run_id, epochs), telling.note)
        with curves:
            fitted = fit(prepared, request, curves.watch)
        with partial(model) as unfinished:
            unfinished.mkdir()
            _write(unfinished, fitted, _training(prepared.given, request, fitted), tracker)
            if history := curves.by_name():
                trained.write_history(unfinished, history)
    return run_id


def prepare(given: Rows, request: Request) -> Prepared:
    """Return what is to be fitted on; raise `UsageError` for what no model can be made of."""
    request.checked()
    if given.schema.is_quantity is not (request.task == REGRESSION):
        raise UsageError(f"The table was not read for the task {request.task}; run ingest for it.")
    inputs.refuse_unlearnable(given)
    columns = inputs.columns(given)
    conversion.refuse_names(columns)
    return Prepared(given, columns, preprocessing.frame(columns, given.cells))


def fit(prepared: Prepared, request: Request, watch: Watch | None = None) -> Fitted:
    """Return the fitted pipeline with what it was fitted on; `watch` is told of every epoch."""
    pipeline = models.build(
        request.kind,
        request.hyperparameters,
        prepared.columns,
        request.random_state,
        request.task,
    )
    if watch is not None:
        models.watched(pipeline, watch)
    started = time.perf_counter()
    notes = _fit(pipeline, prepared, request.kind)
    seconds = time.perf_counter() - started
    return Fitted(pipeline, prepared.columns, prepared.frame, notes, seconds)


def _fit(pipeline: Pipeline, prepared: Prepared, kind: str) -> tuple[str, ...]:
    """Fit in place and return what scikit-learn warned of, a sentence each."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            preprocessing.fit(pipeline, prepared.frame, prepared.given.labels)
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
        notes=(*request.notes, *fitted.notes),
        task=request.task,
    )


def _write(directory: Path, fitted: Fitted, training: trained.Training, tracker: Tracker) -> None:
    tracker.save_native(
        fitted.pipeline,
        directory / NATIVE,
        signature=fitted.signature,
        input_example=fitted.frame.head(5),
        trusted_types=skops_types.BEYOND_SKOPS,
    )
    native = directory / NATIVE / skops_model.FILE
    if native.is_file():
        skops_bytes.settle(native)
    trained.write(directory, fitted.signature, training)
    for note in fitted.notes:
        telling.note(note)
