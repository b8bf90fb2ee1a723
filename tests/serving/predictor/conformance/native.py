"""Models trained by the project's own steps on real data, and what their native pipelines say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pytest

from components import preprocessing, rows, trained
from components.evaluate import step as evaluate
from components.ingest import step as ingest
from components.package import step as package
from components.split import step as split
from components.train import step as train
from serving.artifact import publish
from serving.signature import Signature
from tests.components.tables import Tracker

DATA = Path(__file__).resolve().parents[5] / "shared" / "data"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
EVERY = 13
"""One of so many rows of a table that is large."""


class Set(NamedTuple):
    """A data set: its file, or "" for what scikit-learn ships; its target; a model kind for it.

    `strange`: how many test rows of the split by `seed` hold a cell that training never saw.
    """

    file: str
    target: str
    kind: str
    drop: tuple[str, ...] = ()
    hyperparameters: Mapping[str, Any] = {}
    seed: int = 5
    strange: int = 0


SETS = {
    "iris": Set("iris.csv", "species", "logistic_regression"),
    "penguins": Set("penguins.csv", "species", "random_forest", seed=10, strange=2),
    "titanic": Set("titanic.csv", "survived", "hist_gradient_boosting", ("alive",)),
    "diamonds": Set("diamonds.csv", "cut", "random_forest", (), {"n_estimators": 30}),
    "digits": Set("", "digit", "logistic_regression"),
}


@dataclass(frozen=True)
class Native:
    """A published model, its test rows, and what the native pipeline says to each."""

    directory: Path
    signature: Signature
    cells: list[dict[str, Any]]
    probabilities: np.ndarray

    @property
    def width(self) -> np.ndarray:
        """By how much the best class of each row is ahead of the next, [n]."""
        ordered = np.sort(self.probabilities, axis=1)
        return np.asarray(ordered[:, -1] - ordered[:, -2])


def source(name: str, home: Path) -> Path:
    """Return the CSV file of a set; skip where it is not there."""
    chosen = SETS[name]
    if not chosen.file:
        return _digits(home / "digits.csv")
    path = DATA / chosen.file
    if not path.exists():
        pytest.skip(f"{path} is missing; lay the project's shared data beside the checkout")
    if path.stat().st_size < 2**20:
        return path
    header, *lines = path.read_text().splitlines(keepends=True)
    (home / chosen.file).write_text("".join([header, *lines[::EVERY]]))
    return home / chosen.file


def trained_on(name: str, home: Path) -> Native:
    """Ingest, split, train, evaluate, package and publish, as the pipeline does."""
    chosen, csv = SETS[name], source(name, home)
    table, parts = home / "table", (home / "train", home / "test")
    ingest.run(str(csv), ingest.Request(chosen.target, chosen.drop), table)
    split.run(table, split.Choice(test_size=0.25, random_state=chosen.seed), *parts)
    asked = train.Request(name, chosen.kind, chosen.hyperparameters, 5, "key", {})
    train.run(parts[0], asked, home / "model", Tracker())
    evaluate.run(
        evaluate.Inputs(home / "model", parts[1], name),
        evaluate.Outputs(home / "evaluation", home / "report.html"),
        lambda _: None,
    )
    inputs = package.Inputs(name, home / "model", *parts, home / "evaluation")
    package.run(inputs, home / "packaged", NOW)
    publish(home / "packaged", home / "1", "1")
    return _native(home, parts[1])


def _native(home: Path, test: Path) -> Native:
    signature, given = trained.read_signature(home / "model"), rows.read(test)
    frame = preprocessing.frame(signature.inputs, given.cells)
    pipeline = trained.load_pipeline(home / "model")
    names = [column.name for column in signature.inputs]
    columns = [map(_cell, given.cells[name].tolist()) for name in names]
    cells = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
    return Native(home / "1", signature, cells, preprocessing.ask(pipeline, frame))


def _cell(value: Any) -> Any:
    return None if value != value else value


def _digits(path: Path) -> Path:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    pixels = {f"pixel_{i}": column.astype(int) for i, column in enumerate(bunch.data.T)}
    pl.DataFrame({**pixels, "digit": bunch.target}).write_csv(path)
    return path
