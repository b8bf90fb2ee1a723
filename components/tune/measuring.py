"""One combination on one fold, and the processes that measure them: one on each core.

A process uses one core (of BLAS and OpenMP too), so that together they use every core once. It
ends when the step is gone.
"""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from components.tune.folds import folds, part
from serving.errors import KanaryaError, UsageError
from serving.predictor.parent import exit_with

if TYPE_CHECKING:
    import pandas as pd

    from serving.signature import Column

KILLED = "its process was killed; is memory short?"


@dataclass(frozen=True)
class Job:
    """What all units have in common; `table` is the training part."""

    table: Path
    task: str
    kind: str
    metric: str
    cv: int
    random_state: int


@dataclass(frozen=True)
class Unit:
    """A trial's number, all of its hyperparameters, its fold from 0, and the share of the rows."""

    trial: int
    hyperparameters: Mapping[str, Any]
    fold: int
    share: float

    @property
    def key(self) -> tuple[int, int]:
        """What tells it from the others of its rung."""
        return self.trial, self.fold


@dataclass(frozen=True)
class Measured:
    """The metric of a unit, or why there is none."""

    score: float | None = None
    rows: int = 0
    seconds: float = 0.0
    error: str = ""


@dataclass(frozen=True)
class Given:
    """The training part as pipelines take it, and the places of the rows of each fold."""

    job: Job
    columns: tuple[Column, ...]
    frame: pd.DataFrame
    labels: np.ndarray
    folds: Sequence[tuple[np.ndarray, np.ndarray]]


_GIVEN: list[Given] = []
"""What a process measures on, put here when it begins."""


def measured(given: Given, units: Sequence[Unit], workers: int) -> Iterator[tuple[Unit, Measured]]:
    """Yield every unit with what it gave, as they end.

    Where a process is killed, the units that are left are measured one by one, each in a process
    of its own: so the one that takes too much memory fails alone.
    """
    if not units:  # of a rung in which every trial failed, none goes on
        return
    left = {unit.key: unit for unit in units}
    try:
        for unit, found in _together(given, units, min(workers, len(units))):
            del left[unit.key]
            yield unit, found
    except BrokenProcessPool:
        for unit in left.values():
            yield unit, _alone(given, unit)


def _together(given: Given, units: Sequence[Unit], workers: int) -> Iterator[tuple[Unit, Measured]]:
    with _pool(given, workers) as pool:
        waiting = {pool.submit(_measured, unit): unit for unit in units}
        for future in as_completed(waiting):
            yield waiting[future], future.result()


def _alone(given: Given, unit: Unit) -> Measured:
    try:
        return next(_together(given, [unit], 1))[1]
    except BrokenProcessPool:
        return Measured(error=KILLED)


def _pool(given: Given, workers: int) -> ProcessPoolExecutor:
    # Forking is what spares every process the imports; macOS does not survive it.
    context = get_context("fork" if sys.platform == "linux" else "spawn")
    return ProcessPoolExecutor(workers, context, initializer=_begin, initargs=(os.getpid(), given))


def _begin(step: int, given: Given) -> None:
    from components.cores import keep_to_one

    exit_with(step)
    keep_to_one()
    _GIVEN[:] = [given]


def _measured(unit: Unit) -> Measured:
    return measure(_GIVEN[0], unit)


def measure(given: Given, unit: Unit) -> Measured:
    """Return the metric of a unit; what cannot be trained is an answer, too."""
    started = time.perf_counter()
    try:
        score, rows = _score(given, unit)
        return Measured(score, rows, time.perf_counter() - started)
    except (KanaryaError, ValueError, ArithmeticError, MemoryError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        return Measured(seconds=time.perf_counter() - started, error=reason)


def _score(given: Given, unit: Unit) -> tuple[float, int]:
    from components import models, preprocessing, room

    job = given.job
    train, test = given.folds[unit.fold]
    train = part(train, unit.share)
    asked = models.parse(job.kind, unit.hyperparameters, job.task).model_dump()
    room.refuse_rows(job.kind, asked, len(train))
    pipeline = models.build(
        job.kind, unit.hyperparameters, given.columns, job.random_state, job.task
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what is chosen, training tells them
        preprocessing.fit(pipeline, given.frame.iloc[train], given.labels[train])
        answers = preprocessing.ask(pipeline, given.frame.iloc[test])
    found = _measures(pipeline.named_steps["model"], given.labels[test], answers)
    if job.metric not in found:
        raise UsageError(
            f"{job.metric} cannot be measured on the rows of a fold; lower tune.cv, or choose "
            "another tune.metric."
        )
    return found[job.metric], len(train)


def _measures(model: Any, truth: np.ndarray, answers: np.ndarray) -> dict[str, float]:
    from components import number_scores, scores

    if not hasattr(model, "classes_"):
        return number_scores.measure(number_scores.estimates(truth, answers))
    return scores.measure(scores.answers(truth, answers, model.classes_.tolist()))


def given(job: Job) -> Given:
    """Return the training part, ready to be dealt out; raise `UsageError` where it is no such.

    It is read before the processes are forked, which share it, and which must leave polars alone:
    its threads do not come along.
    """
    from components import inputs, preprocessing, rows, telling

    read = rows.part(job.table)
    if len(read.labels) < read.schema.rows:
        telling.note(f"trials share these training rows: {read.told}")
    inputs.refuse_unlearnable(read.schema, read.labels)
    if len(read.labels) < 2 * job.cv:
        raise UsageError(
            f"{len(read.labels)} training rows are too few for {job.cv} folds; lower tune.cv."
        )
    columns = inputs.columns(read)
    frame = preprocessing.frame(columns, read.cells)
    return Given(job, columns, frame, read.labels, folds(read.labels, job.cv, job.random_state))
