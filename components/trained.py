"""What training leaves for the steps behind it: the native model, its signature, how it was made.

native/         the MLflow model directory, with the pipeline as a skops file
signature.json  `serving.signature.Signature`
training.json   `Training`
history.json    of models that learn in epochs: what was measured, by its name, in each of them
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serving import skops_model
from serving.artifact import NATIVE
from serving.errors import ModelError
from serving.signature import Signature

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

SIGNATURE = "signature.json"
TRAINING = "training.json"
HISTORY = "history.json"
LIBRARIES = ("scikit-learn", "numpy", "skops", "skl2onnx", "onnx", "onnxruntime")


@dataclass(frozen=True)
class Training:
    """How a model was made; `notes` are sentences that a person should read.

    `learned_sha256`: of networks, the digest of the very part of the data that they learned from.
    """

    kind: str
    hyperparameters: Mapping[str, Any]
    random_state: int
    rows: int
    seconds: float
    data_sha256: str
    target: str
    libraries: Mapping[str, str]
    notes: tuple[str, ...] = ()
    task: str = "tabular"
    learned_sha256: str = ""


def libraries() -> dict[str, str]:
    """Return the versions of the libraries that made the model."""
    return {name: version(name) for name in LIBRARIES}


def write(directory: Path, signature: Signature, training: Training) -> None:
    """Write the two JSON files."""
    for name, value in ((SIGNATURE, signature.to_json()), (TRAINING, asdict(training))):
        text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
        (directory / name).write_text(text + "\n", encoding="utf-8")


def read_signature(directory: Path) -> Signature:
    """Return the signature; raise `ModelError` where it is missing or damaged."""
    return Signature.from_json(_read(directory / SIGNATURE))


def read_training(directory: Path) -> Training:
    """Return how the model was made; raise `ModelError` where that is missing or damaged."""
    value = _read(directory / TRAINING)
    try:
        return Training(**{**value, "notes": tuple(value.get("notes", ()))})
    except TypeError as error:
        raise ModelError(f"{directory / TRAINING} is damaged ({error}); train it again.") from error


def write_history(directory: Path, history: Mapping[str, Sequence[float]]) -> None:
    """Write what was measured in each epoch."""
    text = json.dumps({name: list(values) for name, values in history.items()}, indent=1)
    (directory / HISTORY).write_text(text + "\n", encoding="utf-8")


def read_history(directory: Path) -> dict[str, list[float]]:
    """Return what was measured in each epoch, {} of a model without any.

    Raises `ModelError` where that is damaged.
    """
    if not (directory / HISTORY).exists():
        return {}
    return {name: list(values) for name, values in _read(directory / HISTORY).items()}


def load_pipeline(directory: Path) -> Pipeline:
    """Return the fitted pipeline; raise `ModelError` where it is damaged or not ours."""
    return skops_model.load(directory / NATIVE / skops_model.FILE)


def _read(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read ({error}); train the model again.") from error
    if not isinstance(value, dict):
        raise ModelError(f"{path} holds no JSON object; train the model again.")
    return value
