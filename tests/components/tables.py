"""Small table artifacts, and a walk through train, evaluate and package without MLflow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from components import dataset, rows
from components.evaluate import step as evaluate
from components.evaluate.numbers import Estimated
from components.evaluate.rules import Judged
from components.models.epochs import Epoch
from components.package import step as package
from components.rows import Rows
from components.table_schema import TableSchema, TargetKind
from components.train import step as train
from components.usage import Sample
from serving import skops_model
from serving.signature import Signature

if TYPE_CHECKING:
    import pandas as pd

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SMALL: dict[str, dict[str, object]] = {
    "logistic_regression": {"solver": "lbfgs"},
    "linear_regression": {"epochs": 60},
    "linear_svm": {"epochs": 30},
    "perceptron": {"epochs": 30},
    "passive_aggressive": {"epochs": 30},
    "mlp": {"epochs": 40, "hidden_layer_sizes": [24], "learning_rate": 0.01},
    "svm": {},
    "random_forest": {"n_estimators": 15},
    "hist_gradient_boosting": {"max_iter": 8, "max_leaf_nodes": 8},
}
QUICK = ("logistic_regression", "svm", "random_forest", "hist_gradient_boosting")
"""Kinds of every sort, each trained in an instant."""
HOSTILE_NAMES = (
    "sepal length (cm)",
    "größe\t→ 'x' \"y\"",
    "a.b/c:d,e{f}[g]",
    "<script>alert(1)</script>",
)


@dataclass(frozen=True)
class Table:
    """Rows, and the column that is to be learned."""

    rows: pl.DataFrame
    target: str
    is_quantity: bool = False

    @property
    def task(self) -> str:
        return "tabular-regression" if self.is_quantity else "tabular"


def iris(names: tuple[str, ...] = ("sl", "sw", "pl", "pw")) -> Table:
    from sklearn.datasets import load_iris

    bunch = load_iris()
    columns = {name: bunch.data[:, i] for i, name in enumerate(names)}
    return Table(pl.DataFrame({**columns, "species": bunch.target_names[bunch.target]}), "species")


def mixed() -> Table:
    """Every kind of column with missing cells, far-off numbers, and a boolean target."""
    rng, n = np.random.default_rng(7), 240
    age, town = rng.uniform(1, 80, n).round(1), rng.choice(["Ankara", "Izmir", "Şırnak"], n)
    target = (age / 80 + 0.5 * (town == "Izmir") > 0.7) ^ (rng.random(n) < 0.05)
    cells: dict[str, list[object]] = {
        "age": age.tolist(),
        "year": rng.integers(2001, 2024, n).tolist(),
        "serial": rng.integers(10_000_000, 10_000_900, n).tolist(),
        "member": (rng.random(n) < 0.5).tolist(),
        "town": town.tolist(),
    }
    for place, values in enumerate(cells.values()):
        values[place :: 11 + place] = [None] * len(values[place :: 11 + place])
    return Table(pl.DataFrame({**cells, "left": target}), "left")


def digits() -> Table:
    """Ten classes as integers that are not 0 to 9."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    pixels = {f"pixel_{i}": bunch.data[:400, i].astype(np.int64) for i in range(2, 64, 3)}
    return Table(pl.DataFrame({**pixels, "digit": bunch.target[:400] * 10 - 20}), "digit")


def prices() -> Table:
    """A number as a target: far from 0, of two numbers and a word, with missing cells."""
    rng, n = np.random.default_rng(11), 320
    size, town = rng.uniform(40, 240, n).round(1), rng.choice(["Ankara", "Izmir"], n)
    price = 30_000 + 1_500 * size + 60_000 * (town == "Izmir") + rng.normal(0, 8_000, n)
    cells: dict[str, list[object]] = {
        "size": size.tolist(),
        "rooms": (size // 30).astype(int).tolist(),
        "town": town.tolist(),
    }
    for place, values in enumerate(cells.values()):
        values[place :: 17 + place] = [None] * len(values[place :: 17 + place])
    return Table(pl.DataFrame({**cells, "price": price.round(2)}), "price", True)


def progress() -> Table:
    """Numbers only, and a whole number as a target (diabetes, as scikit-learn ships it)."""
    from sklearn.datasets import load_diabetes

    bunch = load_diabetes()
    columns = {name: bunch.data[:, i] for i, name in enumerate(bunch.feature_names)}
    return Table(pl.DataFrame({**columns, "progress": bunch.target}), "progress", True)


def tiny() -> Table:
    """A target whose numbers are very small, and partly below 0."""
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(2, 200))
    return Table(pl.DataFrame({"x": x, "y": y, "z": 1e-6 * (2 * x - y)}), "z", True)


NUMBERS = {"prices": prices, "progress": progress, "tiny": tiny}
TABLES = {"iris": iris, "mixed": mixed, "digits": digits}


def write(directory: Path, table: Table) -> Path:
    """Write a table artifact and return its directory."""
    kinds: dict[pl.DataType, TargetKind] = {pl.String(): "text", pl.Boolean(): "boolean"}
    kind = kinds.get(table.rows[table.target].dtype, "integer")
    if table.is_quantity:
        kind = "number"
    schema = TableSchema((), table.target, kind, table.rows.height, "5ha", "made up")
    dataset.write_table(directory, table.rows, schema)
    return directory


def write_parts(home: Path, table: Table) -> tuple[Path, Path]:
    """Write a training part and a test part of every fourth row."""
    test = pl.Series(np.arange(table.rows.height) % 4 == 3)
    parts = {"train": table.rows.filter(~test), "test": table.rows.filter(test)}
    train_part, test_part = (
        write(home / name, Table(rows, table.target, table.is_quantity))
        for name, rows in parts.items()
    )
    return train_part, test_part


class Tracker:
    """Obeys `components.train.step.Tracker`: the native model as files, the runs in memory."""

    def __init__(self) -> None:
        self.runs: dict[str, dict[str, object]] = {}
        self.examples: list[pd.DataFrame] = []
        self.epochs: list[Epoch] = []
        self.used: list[Sample] = []
        self.failed: dict[str, str] = {}

    def start_run(
        self, *, name: str, run_key: str, parameters: Mapping[str, object], dataset: TableSchema
    ) -> str:
        self.runs[run_key] = {"name": name, "sha256": dataset.sha256, **parameters}
        return f"run of {run_key}"

    def log_epochs(self, run_id: str, epochs: Sequence[Epoch]) -> None:
        assert run_id.removeprefix("run of ") in self.runs
        self.epochs += epochs

    def log_usage(self, run_id: str, step: str, samples: Sequence[Sample]) -> None:
        self.used += samples

    def fail_run(self, run_id: str, reason: str) -> None:
        self.failed[run_id] = reason

    def save_native(
        self,
        pipeline: object,
        directory: Path,
        *,
        signature: Signature,
        input_example: pd.DataFrame,
        trusted_types: tuple[str, ...],
    ) -> None:
        directory.mkdir()
        self.examples.append(input_example)
        skops_model.save(pipeline, directory / skops_model.FILE)


@dataclass(frozen=True)
class Walk:
    """What one walk left behind."""

    train: Path
    test: Path
    model: Path
    evaluation: Path
    report: Path
    packaged: Path
    judged: Judged | Estimated


def request(kind: str, task: str = "tabular", **hyperparameters: object) -> train.Request:
    asked = {**SMALL[kind], **hyperparameters}
    return train.Request("tried", kind, asked, 3, "key", {"asked": 1}, task)


def fitted(home: Path, table: Table, kind: str) -> tuple[train.Fitted, Rows]:
    """Fit on all rows of a table."""
    given = rows.read(write(home / "rows", table))
    asked = request(kind, table.task)
    return train.fit(train.prepare(given, asked), asked), given


def walk(home: Path, table: Table, kind: str, **hyperparameters: object) -> Walk:
    """Train, evaluate and package."""
    train_part, test_part = write_parts(home, table)
    model, evaluation = home / "model", home / "evaluation"
    asked = request(kind, table.task, **hyperparameters)
    train.run(train_part, asked, model, Tracker())
    judged = evaluate.run(
        evaluate.Inputs(model, test_part, "tried"),
        evaluate.Outputs(evaluation, home / "report.html"),
        lambda name: None,
    )
    inputs = package.Inputs("tried", model, train_part, test_part, evaluation)
    package.run(inputs, home / "packaged", NOW)
    return Walk(
        train_part, test_part, model, evaluation, home / "report.html", home / "packaged", judged
    )
