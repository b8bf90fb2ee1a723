"""A model of ours in ONNX Runtime (the home of onnxruntime)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as runtime

from serving.artifact import MODEL
from serving.errors import ModelError

PROBABILITIES = "probabilities"

RUNTIME_ERRORS = (
    runtime.EPFail,
    runtime.Fail,
    runtime.InvalidArgument,
    runtime.InvalidGraph,
    runtime.InvalidProtobuf,
    runtime.NoSuchFile,
    runtime.NotImplemented,
    runtime.RuntimeException,
)
"""ONNX Runtime's exceptions have no common ancestor but Exception."""


class OnnxModel:
    """A loaded model: encoded inputs in, probabilities out; one thread a call."""

    def __init__(self, session: ort.InferenceSession) -> None:
        self._session = session
        self.inputs: tuple[str, ...] = tuple(item.name for item in session.get_inputs())
        self._outputs = [PROBABILITIES]

    @classmethod
    def load(cls, directory: Path) -> OnnxModel:
        """Return the model of a directory (verify it before); raise `ModelError` if it is none."""
        path = directory / MODEL
        try:
            session = ort.InferenceSession(path, _options(), providers=["CPUExecutionProvider"])
        except RUNTIME_ERRORS as error:
            raise ModelError(
                f"{path} is no model that ONNX Runtime can load ({_line(error)})."
            ) from error
        if PROBABILITIES not in {item.name for item in session.get_outputs()}:
            raise ModelError(f"{path} has no output {PROBABILITIES!r}; package the model again.")
        return cls(session)

    def predict(self, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the probabilities, float32 [n, k], for what `serving.signature.encode` gave."""
        try:
            (probabilities,) = self._session.run(self._outputs, inputs)
        except (*RUNTIME_ERRORS, ValueError) as error:
            raise ModelError(f"The model could not answer ({_line(error)}).") from error
        return np.asarray(probabilities)


def _options() -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only
    return options


def _line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
