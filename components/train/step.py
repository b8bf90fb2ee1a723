"""Train with files: the training part in, a fitted model and its MLflow run out."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from components import room, rows, telling, trained
from components.table_schema import TableSchema, read_schema
from components.train import streaming
from components.train.closing import closing
from components.train.curves import Curves
from components.train.fitting import Fitted, Prepared, Request, fit, prepare
from components.train.streaming import Survey
from components.train.watching import Watching
from components.usage import TRAIN, Sample
from serving import skops_bytes, skops_model, skops_types
from serving.artifact import NATIVE
from serving.signature import Signature
from serving.storage import partial

if TYPE_CHECKING:
    import pandas as pd

    from components.models.epochs import Epoch, Watch

__all__ = ["Fitted", "Prepared", "Request", "Tracker", "fit", "prepare", "run"]


class Tracker(Protocol):
    """What training needs of `components.tracking`."""

    def start_run(
        self, *, name: str, run_key: str, parameters: Mapping[str, object], dataset: TableSchema
    ) -> str:
        """Open the run of this pipeline run and return its id."""

    def log_epochs(self, run_id: str, epochs: Sequence[Epoch]) -> None:
        """Add what was measured after these epochs to the run's curves."""

    def log_usage(self, run_id: str, step: str, samples: Sequence[Sample]) -> None:
        """Add what the step used of its machine."""

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


def run(
    table: Path,
    request: Request,
    model: Path,
    tracker: Tracker,
    in_memory: int = room.IN_MEMORY,
) -> str:
    """Train, write the model directory of `components.trained`, and return the MLflow run's id.

    The run is there before the first epoch, whose figures it gets while the training goes on.
    `in_memory`: bytes from which on a kind that learns by epochs reads the table in batches.
    Raises `UsageError` for hyperparameters, columns or labels that no model can be made of, and
    for more rows than the kind or this machine can take.
    """
    with Watching() as watching:
        prepared = _prepared(table, request, in_memory)
        run_id = tracker.start_run(
            name=request.name,
            run_key=request.run_key,
            parameters=request.parameters(),
            dataset=prepared.schema,
        )
        watching.to(lambda samples: tracker.log_usage(run_id, TRAIN, samples))
        with closing(tracker, run_id):
            _train(prepared, request, model, run_id, tracker)
    return run_id


def _train(
    prepared: Prepared | Survey, request: Request, model: Path, run_id: str, tracker: Tracker
) -> None:
    curves = Curves(lambda epochs: tracker.log_epochs(run_id, epochs), telling.note)
    with partial(model) as unfinished:
        unfinished.mkdir()
        with curves:
            fitted = _fitted(prepared, request, unfinished / "spool", curves.watch)
        _write(unfinished, fitted, _training(prepared.schema, request, fitted), tracker)
        if history := curves.by_name():
            trained.write_history(unfinished, history)


def _prepared(table: Path, request: Request, in_memory: int) -> Prepared | Survey:
    asked, schema = request.checked(), read_schema(table)
    room.refuse_wide(request.kind, asked, schema)
    if room.is_streamed(request.kind, request.hyperparameters, request.task, schema, in_memory):
        return streaming.survey(table, request)
    room.refuse_too_much(request.kind, asked, schema)
    return prepare(rows.read(table), request)


def _fitted(prepared: Prepared | Survey, request: Request, spool: Path, watch: Watch) -> Fitted:
    if isinstance(prepared, Prepared):
        return fit(prepared, request, watch)
    spool.mkdir()
    try:
        return streaming.fit(prepared, request, spool, watch)
    finally:
        shutil.rmtree(spool)


def _training(schema: TableSchema, request: Request, fitted: Fitted) -> trained.Training:
    return trained.Training(
        kind=request.kind,
        hyperparameters=request.checked(),
        random_state=request.random_state,
        rows=schema.rows,
        seconds=round(fitted.seconds, 3),
        data_sha256=schema.sha256,
        target=schema.target,
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
