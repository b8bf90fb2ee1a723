"""The benchmark's models as directories of ours: the very same weights that the peers serve."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import file_digest
from pathlib import Path
from typing import Any

import numpy as np

from components import conversion, trained
from components.baseline import baseline
from components.package import batching, rules
from scripts.bench.measuring import ROOT
from scripts.bench.place import Place, installed, say
from serving.artifact import (
    MODEL,
    Card,
    Golden,
    publish,
    read_card,
    seal,
    write_baseline,
    write_card,
    write_golden,
)
from serving.errors import KanaryaError, ModelError
from serving.onnx_model import OnnxModel
from serving.signature import Column, Signature, encode

FOLDER = "kanarya"
VERSION = "1"
TENSORFLOW = "kexport"
"""The environment that converts Keras models, for the peers' copies too."""
KINDS = {"lr": "logistic_regression", "rf": "random_forest"}


def publish_models(place: Place, names: tuple[str, ...]) -> tuple[str, ...]:
    """Publish the models below `work/kanarya`, made anew, and return those that could be.

    One that could not be packaged, or does not answer as the original does, is left out with a
    line.
    """
    shutil.rmtree(place.work / FOLDER, ignore_errors=True)
    return tuple(name for name in names if _is_published(place, name))


def _is_published(place: Place, name: str) -> bool:
    folder = place.work / FOLDER / name
    folder.mkdir(parents=True)
    try:
        MAKERS[name](place, name, folder / "packaged")
        publish(folder / "packaged", folder / VERSION, VERSION)
    except KanaryaError as error:
        say(f"{name}: our server is left out ({error})")
        return False
    gathered = read_card(folder / VERSION).batching
    if gathered:
        say(f"{name}: packaging chose to gather requests, {gathered.max_rows} rows at most")
    return True


def _image(place: Place, name: str, packaged: Path) -> None:
    """Package in the environment that has TensorFlow; raise `ModelError` where that fails."""
    if not installed(place, [TENSORFLOW]):
        raise ModelError("TensorFlow is not there to convert it")
    files = [str(place.work / "models" / f"{name}.keras"), str(packaged)]
    command = [str(place.python(TENSORFLOW)), "-P", "-m", "scripts.bench.image_model", *files]
    environment = {**place.environment(), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ModelError(done.stderr.strip().splitlines()[-1])


def _tabular(place: Place, name: str, packaged: Path) -> None:
    packaged.mkdir()
    source = place.work / "models" / f"{name}.joblib"
    _write(name, source, packaged)
    seal(packaged)


def _write(name: str, source: Path, packaged: Path) -> None:
    import joblib
    from sklearn.datasets import load_breast_cancer

    bunch = load_breast_cancer()
    rows = np.asarray(bunch.data)
    columns = tuple(map(_column, map(str, bunch.feature_names), rows.T))
    # Unpickled, which a server of ours never does: the file is the benchmark's own.
    model = joblib.load(source)
    graph = conversion.to_onnx(_of_columns(model, rows), columns)
    (packaged / MODEL).write_bytes(conversion.side_by_side(graph))
    cells = {column.name: rows[:, i] for i, column in enumerate(columns)}
    encoded = encode(columns, cells)
    served = OnnxModel.load(packaged)
    answers = served.predict(encoded)
    _require_same(name, model.predict_proba(rows), answers)
    labels = tuple(model.classes_.tolist())
    chosen = rules.golden_rows(bunch.target, np.zeros(len(rows), bool))
    golden = {column: values[chosen] for column, values in encoded.items()}
    write_golden(packaged, Golden(golden, answers[chosen]))
    write_baseline(packaged, baseline(columns, cells, answers.argmax(axis=1), labels))
    gathered = batching.of_graph(served.run, served.feed(encoded))
    card = _card(KINDS[name], Signature(columns, labels), source)
    write_card(packaged, replace(card, batching=gathered))


def _column(name: str, cells: np.ndarray) -> Column:
    return Column(name, "number", minimum=float(cells.min()), maximum=float(cells.max()))


def _of_columns(model: Any, rows: np.ndarray) -> Any:
    """Return a pipeline that lays thirty columns side by side and asks the fitted model."""
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

    numbers = ("numbers", "passthrough", list(range(rows.shape[1])))
    return Pipeline([("join", ColumnTransformer([numbers]).fit(rows)), ("model", model)])


def _require_same(name: str, native: np.ndarray, onnx: np.ndarray) -> None:
    mismatch = rules.worst_mismatch(native, onnx)
    if mismatch:
        raise ModelError(
            f"{name} as ONNX is {mismatch.difference:.2g} off the original on row {mismatch.row}; "
            "its speed would be that of another model."
        )


def _card(kind: str, signature: Signature, source: Path) -> Card:
    with source.open("rb") as file:
        digest = file_digest(file, "sha256").hexdigest()
    return Card(
        name="m",
        kind=kind,
        signature=signature,
        data_sha256=digest,
        libraries=trained.libraries(),
        metrics={},
        opset=conversion.OPSET,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


MAKERS: dict[str, Callable[[Place, str, Path], None]] = {
    "lr": _tabular,
    "rf": _tabular,
    "cnn": _image,
}
