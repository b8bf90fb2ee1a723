"""A model of ours in ONNX Runtime (the home of onnxruntime)."""

from __future__ import annotations

import json
import math
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from threading import Lock

import numpy as np

# Since 1.31 it keeps records of use in the home directory, for its makers; only this prevents it.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as runtime

from serving import onnx_graph, plain_files
from serving.artifact import MODEL
from serving.errors import ModelError
from serving.image_signature import IMAGE, Image

LIMIT = 2 * 2**30
"""Bytes that protobuf can hold."""
PROBABILITIES = "probabilities"
PREDICTION = "prediction"
"""The output of a model that answers with a number, float32 [n, 1]."""
FLOATS = "tensor(float)"
MATRIX = "__matrix__"
"""The one input of a graph that takes all columns side by side, float32 [n, columns]."""
COLUMNS = "kanarya.columns"
"""The graph's own note (a JSON list) of which columns `MATRIX` carries, in their order."""
BOUND_ROWS = 256
"""Up to here a batch is copied into memory that the session is bound to once."""
BOUND_SIZES = 64
BOUND_VALUES = 2**21
"""Values of images, of 4 bytes each, that memory is bound for: batches of up to 36 of 32 x 32 x 3;
beyond that a copy is a thousandth of the work."""

_NO_MEMORY = re.compile("bad_alloc|Failed to allocate memory")
_PLACE = re.compile(r"/onnxruntime_src/\S+ [^()]*\(.*?\)( const)?( \[with .*?\])? ")
"""Where in its source ONNX Runtime was, with the types of all arguments."""

RUNTIME_ERRORS = (
    runtime.EPFail,
    runtime.Fail,
    runtime.InvalidArgument,
    runtime.InvalidGraph,
    runtime.InvalidProtobuf,
    runtime.NoSuchFile,
    runtime.NotImplemented,
    runtime.RuntimeException,
    RuntimeError,  # bound memory of another shape than the answer
)
"""ONNX Runtime's exceptions have no common ancestor but Exception."""


class OnnxModel:
    """A loaded model: encoded inputs in, probabilities (or a number) out; one thread a call.

    `inputs` are the names of its columns, whether the graph has one input a column or `MATRIX`.
    """

    def __init__(self, session: ort.InferenceSession) -> None:
        self.session = session
        columns = session.get_modelmeta().custom_metadata_map.get(COLUMNS)
        self.is_matrix = columns is not None
        names = json.loads(columns) if columns else [item.name for item in session.get_inputs()]
        self.inputs: tuple[str, ...] = tuple(map(str, names))
        outputs = {item.name for item in session.get_outputs() if item.type == FLOATS}
        self.output = PREDICTION if PROBABILITIES not in outputs else PROBABILITIES
        self._outputs = [self.output]

    @classmethod
    def load(cls, directory: Path) -> OnnxModel:
        """Return the model of a directory that is not served; raise `ModelError` if it is none."""
        path = directory / MODEL
        return cls.from_bytes(plain_files.read(path, LIMIT), path)

    @classmethod
    def from_bytes(cls, data: bytes, path: Path) -> OnnxModel:
        """Return the model in the bytes of the file at `path`.

        Raises `ModelError` where it is none, or holds what this server does not run
        (`serving.onnx_graph`), before ONNX Runtime parses it.
        """
        onnx_graph.check(data, path)
        try:
            session = ort.InferenceSession(data, _options(), providers=["CPUExecutionProvider"])
            model = cls(session)
        except (*RUNTIME_ERRORS, MemoryError, ValueError, TypeError, RecursionError) as error:
            raise ModelError(
                f"{path} is no model that ONNX Runtime can load ({_line(error)})."
            ) from error
        if (model.output, FLOATS) not in {(it.name, it.type) for it in session.get_outputs()}:
            raise ModelError(
                f"{path} has no output {PROBABILITIES!r} (or {PREDICTION!r}) of {FLOATS}; package "
                "the model again."
            )
        return model

    def predict(self, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the probabilities, float32 [n, k], for what `serving.signature.encode` gave."""
        return self.run(self.feed(inputs))

    def feed(self, inputs: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        """Return the inputs of the graph itself, for what `serving.signature.encode` gave."""
        if not self.is_matrix:
            return inputs
        try:
            return {MATRIX: np.concatenate([inputs[name] for name in self.inputs], axis=1)}
        except (KeyError, ValueError) as error:
            raise ModelError(f"The model could not answer (input {_line(error)}).") from error

    def run(self, feed: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the probabilities for the inputs of the graph itself."""
        try:
            (probabilities,) = self.session.run(self._outputs, feed)
        except (*RUNTIME_ERRORS, ValueError) as error:
            raise ModelError(f"The model could not answer ({_line(error)}).") from error
        return np.asarray(probabilities)


class _BoundModel(ABC):
    """A model that is asked with one array [n, …] whose numbers it all takes.

    ONNX Runtime spends about a microsecond on every input of every call; memory that is bound
    once for each size of batch costs a copy instead.
    """

    def __init__(
        self, model: OnnxModel, width: int, most: int, places: list[int] | None = None
    ) -> None:
        """`width`: numbers of an answer; `most`: rows up to which memory is bound.

        `places`: where the graph's columns lie.
        """
        self._model = model
        self._width = width
        self._most = most
        self._places = places
        self._bound: dict[int, _Bound] = {}
        self._lock = Lock()

    def predict(self, cells: np.ndarray) -> np.ndarray:
        """Return the probabilities, float32 [n, k]."""
        if self._places is not None:
            cells = cells[:, self._places]
        rows = len(cells)
        with self._lock:
            bound = self._bound.get(rows)
            if bound is None and rows <= self._most and len(self._bound) < BOUND_SIZES:
                answer = np.zeros((rows, self._width), np.float32)
                bound = self._bound[rows] = self._bind(rows, answer)
            if bound is not None:
                return bound.predict(cells)
        return self._unbound(cells)

    @abstractmethod
    def _bind(self, rows: int, answer: np.ndarray) -> _Bound: ...

    @abstractmethod
    def _unbound(self, cells: np.ndarray) -> np.ndarray: ...


class NumericModel(_BoundModel):
    """A model whose columns are all numbers, asked with what `encode_matrix` gave, in `order`."""

    def __init__(self, model: OnnxModel, order: tuple[str, ...], width: int) -> None:
        # A graph may have its columns in an order that is not the card's.
        self._order = model.inputs
        places = None if model.inputs == order else [order.index(n) for n in model.inputs]
        super().__init__(model, width, BOUND_ROWS, places)

    def _unbound(self, cells: np.ndarray) -> np.ndarray:
        return self._model.predict({n: cells[:, i : i + 1] for i, n in enumerate(self._order)})

    def _bind(self, rows: int, answer: np.ndarray) -> _Bound:
        if self._model.is_matrix:
            cells = np.zeros((rows, len(self._order)), np.float32)
            return _Bound(self._model, {MATRIX: cells}, cells, answer)
        # [column, row], so that each column lies in one piece.
        cells = np.zeros((len(self._order), rows), np.float32)
        feed = {name: cells[i, :, None] for i, name in enumerate(self._order)}
        return _Bound(self._model, feed, cells.T, answer)


class ImageModel(_BoundModel):
    """A model of images, asked with what `encode_images` gave."""

    def __init__(self, model: OnnxModel, image: Image, classes: int) -> None:
        self._image = image
        super().__init__(model, classes, _largest_batch(image.values))

    def _unbound(self, cells: np.ndarray) -> np.ndarray:
        return self._model.run({IMAGE: np.ascontiguousarray(cells)})

    def _bind(self, rows: int, answer: np.ndarray) -> _Bound:
        cells = np.zeros((rows, *self._image.shape), np.float32)
        return _Bound(self._model, {IMAGE: cells}, cells, answer)


def _largest_batch(values: int) -> int:
    """Return how many images a batch may have, if memory for all smaller ones is bound as well."""
    return math.isqrt(2 * BOUND_VALUES // values)


class _Bound:
    """A session and the memory that it reads from and writes to, for one size of batch."""

    def __init__(
        self,
        model: OnnxModel,
        feed: Mapping[str, np.ndarray],
        cells: np.ndarray,
        answer: np.ndarray,
    ) -> None:
        self._session, self._cells, self._answer = model.session, cells, answer
        self._binding = self._session.io_binding()
        for name, array in feed.items():
            at = array.ctypes.data
            self._binding.bind_input(name, "cpu", 0, np.float32, array.shape, at)
        self._binding.bind_output(
            model.output, "cpu", 0, np.float32, answer.shape, answer.ctypes.data
        )

    def predict(self, matrix: np.ndarray) -> np.ndarray:
        """Return the probabilities; the next call does not change them."""
        self._cells[:] = matrix
        try:
            self._session.run_with_iobinding(self._binding)
        except RUNTIME_ERRORS as error:
            raise ModelError(f"The model could not answer ({_line(error)}).") from error
        return self._answer.copy()


def _options() -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    # What goes wrong is told by the exception: in one line, and once.
    options.log_severity_level = 4
    # Bytes that look like ONNX Runtime's own format would get past `onnx_graph`.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    return options


def _line(error: Exception) -> str:
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    if isinstance(error, MemoryError) or _NO_MEMORY.search(line):
        return "it asks for more memory than it may take"
    return f"{_PLACE.sub('', line):.300}"
