"""Small table artifacts, and a walk through train, evaluate and package without MLflow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from components import dataset, rows
from components.evaluate import step as evaluate
from components.evaluate.rules import Judged
from components.package import step as package
from components.rows import Rows
from components.table_schema import TableSchema, TargetKind
from components.train import step as train
from serving import skops_model
from serving.signature import Signature

if TYPE_CHECKING:
    import pandas as pd

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SMALL: dict[str, dict[str, object]] = {
    "logistic_regression": {},
    "random_forest": {"n_estimators": 15},
    "hist_gradient_boosting": {"max_iter": 8, "max_leaf_nodes": 8},
}
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


TABLES = {"iris": iris, "mixed": mixed, "digits": digits}


def write(directory: Path, table: Table) -> Path:
    """Write a table artifact and return its directory."""
    kinds: dict[pl.DataType, TargetKind] = {pl.String(): "text", pl.Boolean(): "boolean"}
    kind = kinds.get(table.rows[table.target].dtype, "integer")
    schema = TableSchema((), table.target, kind, table.rows.height, "5ha", "made up")
    dataset.write_table(directory, table.rows, schema)
    return directory


def write_parts(home: Path, table: Table) -> tuple[Path, Path]:
    """Write a training part and a test part of every fourth row."""
    test = pl.Series(np.arange(table.rows.height) % 4 == 3)
    parts = {"train": table.rows.filter(~test), "test": table.rows.filter(test)}
    train_part, test_part = (
        write(home / name, Table(rows, table.target)) for name, rows in parts.items()
    )
    return train_part, test_part


class Tracker:
    """Obeys `components.train.step.Tracker`: the native model as files, the runs in memory."""

    def __init__(self) -> None:
        self.runs: dict[str, dict[str, object]] = {}
        self.examples: list[pd.DataFrame] = []

    def start_run(
        self, *, name: str, run_key: str, parameters: Mapping[str, object], dataset: TableSchema
    ) -> str:
        self.runs[run_key] = {"name": name, "sha256": dataset.sha256, **parameters}
        return f"run of {run_key}"

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
    judged: Judged


def request(kind: str, **hyperparameters: object) -> train.Request:
    return train.Request("tried", kind, {**SMALL[kind], **hyperparameters}, 3, "key", {"asked": 1})


def fitted(home: Path, table: Table, kind: str) -> tuple[train.Fitted, Rows]:
    """Fit on all rows of a table."""
    given = rows.read(write(home / "rows", table))
    return train.fit(given, request(kind)), given


def walk(home: Path, table: Table, kind: str) -> Walk:
    """Train, evaluate and package."""
    train_part, test_part = write_parts(home, table)
    model, evaluation = home / "model", home / "evaluation"
    train.run(train_part, request(kind), model, Tracker())
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
