"""Small real model directories, built as packaging builds them: scikit-learn → ONNX → sealed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from components.baseline import baseline
from serving import answering, skops_model
from serving.artifact import (
    MODEL,
    Card,
    Golden,
    seal,
    write_baseline,
    write_card,
    write_golden,
)
from serving.signature import Column, Signature, encode

OPSET = 18


@dataclass(frozen=True)
class Data:
    """A little table: raw cells by column, and the class of each row."""

    inputs: tuple[Column, ...]
    columns: dict[str, list[Any]]
    target: list[Any]


def iris() -> Data:
    """Return iris with its four measures and the names of its species."""
    from sklearn.datasets import load_iris

    bunch = load_iris()
    names = ("sepal_length", "sepal_width", "petal_length", "petal_width")
    cells = {name: bunch.data[:, i].tolist() for i, name in enumerate(names)}
    inputs = tuple(
        Column(name, "number", minimum=min(cells[name]), maximum=max(cells[name])) for name in names
    )
    return Data(inputs, cells, [str(bunch.target_names[i]) for i in bunch.target])


def mixed() -> Data:
    """Return a made-up table with every kind of column, missing cells, and classes 0 and 1."""
    rng = np.random.default_rng(7)
    age = rng.uniform(1, 80, 200).round(1)
    town = rng.choice(["Ankara", "Izmir", "Şırnak"], 200)
    member = rng.random(200) < 0.5
    target = ((age > 40) ^ (town == "Izmir")).astype(int)
    return Data(
        inputs=(
            Column("age", "number", nullable=True, minimum=1, maximum=80),
            Column("visits", "integer", minimum=0, maximum=9),
            Column("member", "boolean"),
            Column("town", "text", nullable=True, categories=("Ankara", "Izmir", "Şırnak")),
        ),
        columns={
            "age": [None if i % 17 == 0 else float(value) for i, value in enumerate(age)],
            "visits": rng.integers(0, 10, 200).tolist(),
            "member": member.tolist(),
            "town": [None if i % 13 == 0 else str(value) for i, value in enumerate(town)],
        },
        target=target.tolist(),
    )


def wide_network() -> Any:
    """Return a network whose weights must all be read for one row, as for many: batches pay."""
    from sklearn.neural_network import MLPClassifier

    # What it learns is of no account.
    return MLPClassifier((1024, 1024), max_iter=3, tol=1e9, n_iter_no_change=1, random_state=0)


def build(directory: Path, name: str, data: Data, classifier: Any = None) -> Path:
    """Write a sealed, unpublished model directory for `data` and return it."""
    pipeline, encoded = _fitted(data, classifier)
    (directory / "native").mkdir(parents=True)
    (directory / MODEL).write_bytes(_onnx(pipeline, data.inputs))
    (directory / "native" / "MLmodel").write_text("flavors: {}\n")
    return _sealed(directory, _card(name, _signature(data, pipeline)), encoded)


def build_native(directory: Path, name: str, data: Data) -> Path:
    """Write one whose classifier has no ONNX form: scikit-learn itself answers."""
    from sklearn.neighbors import NearestCentroid

    pipeline, encoded = _fitted(data, NearestCentroid())
    (directory / "native").mkdir(parents=True)
    skops_model.save(pipeline, directory / "native" / skops_model.FILE)
    card = replace(_card(name, _signature(data, pipeline)), runtime="skops")
    return _sealed(directory, card, encoded)


def _signature(data: Data, pipeline: Any) -> Signature:
    return Signature(data.inputs, tuple(np.asarray(pipeline.classes_).tolist()))


def _sealed(directory: Path, card: Card, encoded: dict[str, np.ndarray]) -> Path:
    """Write what stands beside the model, and seal it all."""
    rows = {column: cells[:10] for column, cells in encoded.items()}
    answers = answering.load(directory, card.runtime).predict(rows)
    write_card(directory, card)
    write_golden(directory, Golden(rows, answers))
    predicted = answering.load(directory, card.runtime).predict(encoded).argmax(axis=1)
    signature = card.signature
    write_baseline(directory, baseline(signature.inputs, encoded, predicted, signature.labels))
    seal(directory)
    return directory


def _card(name: str, signature: Signature) -> Card:
    return Card(
        name=name,
        kind="logistic_regression",
        signature=signature,
        data_sha256="0" * 64,
        libraries={"scikit-learn": "1.9.1"},
        metrics={"accuracy": 0.9},
        opset=OPSET,
        created_at="2026-01-01T00:00:00+00:00",
    )


def _fitted(data: Data, classifier: Any) -> tuple[Any, dict[str, np.ndarray]]:
    import pandas as pd
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    texts = [column.name for column in data.inputs if column.kind == "text"]
    numbers = [column.name for column in data.inputs if column.kind != "text"]
    scaled = Pipeline([("impute", SimpleImputer(strategy="median")), ("scale", StandardScaler())])
    words = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    columns = ColumnTransformer([("numbers", scaled, numbers)])
    if texts:
        columns = ColumnTransformer([("numbers", scaled, numbers), ("texts", words, texts)])
    model = classifier or LogisticRegression(max_iter=500)
    pipeline = Pipeline([("prepare", columns), ("model", model)])
    encoded = encode(data.inputs, data.columns)
    frame = pd.DataFrame({name: cells[:, 0] for name, cells in encoded.items()})
    return pipeline.fit(frame, np.array(data.target)), encoded


def _onnx(pipeline: Any, inputs: tuple[Column, ...]) -> bytes:
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType

    kinds = {"text": StringTensorType}
    types = [(column.name, kinds.get(column.kind, FloatTensorType)([None, 1])) for column in inputs]
    model = to_onnx(
        pipeline,
        initial_types=types,
        options={id(pipeline): {"zipmap": False}},
        target_opset=OPSET,
    )
    return bytes(model.SerializeToString())
