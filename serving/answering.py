"""Which file of a model directory answers, and the model that is loaded from it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import numpy as np

from serving import onnx_model, plain_files, skops_model
from serving.artifact import MODEL, NATIVE
from serving.card import Runtime
from serving.onnx_model import OnnxModel
from serving.sealed import Sealed
from serving.skops_model import SkopsModel

FILES: dict[Runtime, str] = {"onnx": MODEL, "skops": f"{NATIVE}/{skops_model.FILE}"}
LIMITS: dict[Runtime, int] = {"onnx": onnx_model.LIMIT, "skops": skops_model.LIMIT}
"""Bytes that the file may have."""


class Model(Protocol):
    """What answers: an ONNX graph, or scikit-learn itself."""

    inputs: tuple[str, ...]

    def predict(self, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the probabilities, float32 [n, k], for what `serving.signature.encode` gave."""


def load(directory: Path, runtime: Runtime) -> OnnxModel | SkopsModel:
    """Return the model of a directory that is being made; raise `ModelError` if it is none."""
    path = directory / FILES[runtime]
    return _loaded(plain_files.read(path, LIMITS[runtime]), path, runtime)


def of(sealed: Sealed, runtime: Runtime) -> OnnxModel | SkopsModel:
    """Return the model of a verified directory; raise `ModelError` where it is none."""
    data = sealed.read(FILES[runtime], LIMITS[runtime])
    return _loaded(data, sealed.directory / FILES[runtime], runtime)


def _loaded(data: bytes, path: Path, runtime: Runtime) -> OnnxModel | SkopsModel:
    return (OnnxModel if runtime == "onnx" else SkopsModel).from_bytes(data, path)
