"""A trained network as an MLflow model directory, and what else training on images tells MLflow."""

from __future__ import annotations

import logging
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.tracking import end_run, fail_run, log_epoch, log_file, log_usage, start_run

if TYPE_CHECKING:
    from serving.signature import Signature

__all__ = [
    "KERAS_FILE",
    "end_run",
    "fail_run",
    "log_epoch",
    "log_file",
    "log_usage",
    "save_keras",
    "start_run",
]

KERAS_FILE = "data/model.keras"
"""Where MLflow puts the `.keras` file in its directory."""


def save_keras(model: Any, directory: Path, signature: Signature) -> Path:
    """Write a network as an MLflow model directory, and return where its `.keras` file is.

    The requirements are stated, not inferred: inference runs the model in a new process.
    """
    import mlflow.keras

    logging.getLogger("mlflow").setLevel(logging.ERROR)
    mlflow.keras.save_model(
        model,
        str(directory),
        signature=_tensors(signature),
        pip_requirements=requirements(),
    )
    return directory / KERAS_FILE


def requirements() -> list[str]:
    """Return the pinned requirements with which a native model can be loaded again."""
    from components.keras_conversion import imported_tensorflow

    pinned = [f"{name}=={version(name)}" for name in ("mlflow", "keras", "numpy")]
    return [*pinned, f"tensorflow=={imported_tensorflow().__version__}"]


def _tensors(signature: Signature) -> Any:
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    assert signature.image is not None
    taken = TensorSpec(np.dtype("float32"), (-1, *signature.image.shape), "image")
    given = TensorSpec(np.dtype("float32"), (-1, len(signature.labels)))
    return ModelSignature(inputs=Schema([taken]), outputs=Schema([given]))
