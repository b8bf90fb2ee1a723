"""Native models in skops files: written by us, and read only if they hold what we expect.

Where ONNX cannot say what a model does, this is what answers. Nothing is ever unpickled, and what
may be in a file is `serving.skops_types`; a list that comes with the file (MLflow stores one beside
it) is never believed. The home of skops, and of scikit-learn in the server.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from serving import plain_files, skops_soundness, skops_types
from serving.errors import ModelError, UsageError
from serving.signature import Label
from serving.skops_soundness import name_of

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

FILE = "model.skops"
"""The name that MLflow gives the file inside its model directory."""
LIMIT = 2 * 2**30

DAMAGE = (
    OSError,
    zipfile.BadZipFile,
    zlib.error,
    ArithmeticError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What zipfile and skops let through when a file is damaged or made up."""


class SkopsModel:
    """A loaded pipeline: encoded inputs in, probabilities out; one thread a call.

    `inputs` are the names of its columns, `labels` its classes in the order of the probabilities;
    without labels it answers with numbers.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

        self._threads = ThreadpoolController()
        self.inputs: tuple[str, ...] = tuple(map(str, pipeline.feature_names_in_))
        model = pipeline.named_steps["model"]
        classes = model.classes_.tolist() if hasattr(model, "classes_") else ()
        self.labels: tuple[Label, ...] = tuple(classes)
        self._ask = pipeline.predict_proba if self.labels else pipeline.predict

    @classmethod
    def from_bytes(cls, data: bytes, path: Path) -> SkopsModel:
        """Return the model in the bytes of a file; raise as `loads` does."""
        pipeline = loads(data, path)
        try:
            return cls(pipeline)
        except DAMAGE as error:
            raise ModelError(f"{path} is damaged ({_line(error)}); train it again.") from error

    def predict(self, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the probabilities, float32 [n, k], for what `serving.signature.encode` gave.

        Of a model that answers with numbers: these, [n, 1].
        """
        import pandas as pd

        # The frame that it was fitted on (`components.preprocessing.frame`), so that it says the
        # same to the last bit.
        try:
            frame = pd.DataFrame({name: inputs[name][:, 0] for name in self.inputs})
            with self._threads.limit(limits=1):
                answers = np.asarray(self._ask(frame), dtype=np.float32)
        except DAMAGE as error:
            raise ModelError(f"The model could not answer ({_line(error)}).") from error
        return answers if self.labels else answers.reshape(-1, 1)


class SkopsMatrix:
    """A pipeline whose columns are all numbers, asked with one matrix [n, columns]."""

    def __init__(self, model: SkopsModel) -> None:
        self._model = model

    def predict(self, matrix: np.ndarray) -> np.ndarray:
        """Return the probabilities, float32 [n, k], for what `encode_matrix` gave."""
        columns = {name: matrix[:, i : i + 1] for i, name in enumerate(self._model.inputs)}
        return self._model.predict(columns)


def save(pipeline: Pipeline, path: Path) -> None:
    """Write a fitted pipeline."""
    import skops.io

    skops.io.dump(pipeline, path)


def load(path: Path) -> Pipeline:
    """Return the fitted pipeline of a file; raise as `loads` does."""
    return loads(plain_files.read(path, LIMIT), path)


def loads(data: bytes, path: Path) -> Pipeline:
    """Return the fitted pipeline in the bytes of the file at `path`.

    Raises `ModelError` for a damaged file, for one that names a type which is not on our list,
    and for trees whose nodes point outside of themselves (scikit-learn would follow them);
    `UsageError` where skops is not installed.
    """
    io = _skops()
    try:
        skops_types.check(data, path)
        pipeline = io.loads(data, trusted=list(skops_types.BEYOND_SKOPS))
    except io.exceptions.UntrustedTypesFoundException as error:
        what = str(error).splitlines()[0].rstrip(".")
        raise ModelError(f"{path} is refused: {what}; train the model again.") from error
    except DAMAGE as error:
        raise ModelError(f"{path} cannot be read ({_line(error)}); train it again.") from error
    return _checked(pipeline, path)


def _skops() -> Any:
    try:
        import pandas  # noqa: F401 - what the pipeline is asked with
        import skops.io
    except ImportError as error:
        raise UsageError(
            f"The model answers from {FILE}, and {error.name} is not installed here: install it "
            "with `pip install 'kanarya[native]'`."
        ) from error
    return skops.io


def _checked(pipeline: Any, path: Path) -> Pipeline:
    from sklearn.pipeline import Pipeline

    if not isinstance(pipeline, Pipeline) or list(pipeline.named_steps) != ["prepare", "model"]:
        raise ModelError(f"{path} holds no pipeline of ours; train the model again.")
    model = pipeline.named_steps["model"]
    if name_of(model) not in skops_types.CLASSIFIERS | skops_types.REGRESSORS:
        raise ModelError(f"{path} answers by {name_of(model)}; train a model kind of ours.")
    try:
        unsound = skops_soundness.unsound(model)
    except DAMAGE as error:
        raise ModelError(f"{path} is damaged ({_line(error)}); train the model again.") from error
    if unsound:
        raise ModelError(f"{path} holds {unsound} outside of itself; train it again.")
    _use_one_core([*pipeline.named_steps.values()])
    return pipeline


def _use_one_core(parts: Iterable[Any]) -> None:
    """Answer in this thread, however many processes a file asks for."""
    for part in parts:
        if getattr(part, "n_jobs", None) is not None:
            part.n_jobs = None


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
