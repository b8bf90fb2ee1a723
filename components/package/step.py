"""Package with files: a trained model and its rows in, a sealed model directory out."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from components import conversion, preprocessing, rows, telling, trained
from components.baseline import baseline, number_baseline
from components.evaluation import read_scores
from components.inputs import widened
from components.package import batching, directory, rules
from components.rows import Rows
from serving import artifact, onnx_graph
from serving.artifact import Card, Golden
from serving.card import Feedback, Runtime
from serving.signature import Signature, encode
from serving.storage import partial

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from serving.onnx_model import OnnxModel
    from serving.skops_model import SkopsModel


@dataclass(frozen=True)
class Inputs:
    """The model's name, the trained model, both parts of the table, and the evaluation.

    `feedback`: which predictions the server keeps for labels that come later.
    """

    name: str
    model: Path
    train: Path
    test: Path
    evaluation: Path
    feedback: Feedback = "asked"


@dataclass(frozen=True)
class Candidate:
    """A trained model with what it takes and the encoded test rows it was asked with."""

    pipeline: Pipeline
    signature: Signature
    test: Rows
    encoded: Mapping[str, np.ndarray]
    probabilities: np.ndarray


def run(inputs: Inputs, packaged: Path, now: datetime) -> dict[str, Any]:
    """Write the model directory, not published yet, and return what the pipeline's UI shows of it.

    Raises `ModelError` with the worst row where the ONNX model does not agree with the trained one.
    """
    candidate = _candidate(inputs)
    training = trained.read_training(inputs.model)
    with partial(packaged) as unfinished:
        unfinished.mkdir()
        shutil.copytree(inputs.model / artifact.NATIVE, unfinished / artifact.NATIVE)
        runtime = _write_model(unfinished, candidate)
        served = _served(unfinished, runtime)
        gathered = batching.of_graph(*_asked(served, candidate))
        card = _card(inputs, candidate.signature, training, now)
        opset = conversion.OPSET if runtime == "onnx" else 0
        rest = directory.Rest(
            replace(card, runtime=runtime, opset=opset, batching=gathered),
            _golden(candidate, _agreed(served, candidate)),
            _baseline(candidate, rows.part(inputs.train)),
        )
        return directory.seal(unfinished, rest)


def _candidate(inputs: Inputs) -> Candidate:
    pipeline, learned = trained.load_pipeline(inputs.model), trained.read_signature(inputs.model)
    signature = replace(learned, inputs=widened(learned.inputs, inputs.test))
    test = rows.part(inputs.test)
    probabilities = preprocessing.ask(pipeline, preprocessing.frame(signature.inputs, test.cells))
    encoded = encode(signature.inputs, test.cells)
    return Candidate(pipeline, signature, test, encoded, probabilities)


def _write_model(folder: Path, candidate: Candidate) -> Runtime:
    """Write the ONNX model; where there is none, the native one beside it is what answers.

    That one was read by the list of what a server makes from a file (`serving.skops_types`), which
    refuses all else by its name.
    """
    path = folder / artifact.MODEL
    try:
        onnx = conversion.to_onnx(candidate.pipeline, candidate.signature.inputs)
        onnx = conversion.side_by_side(onnx)
        onnx_graph.check(onnx, path)
    except (conversion.NotConvertible, onnx_graph.NotServable) as error:
        telling.note(f"{error} scikit-learn itself will answer, in milliseconds a request.")
        return "skops"
    path.write_bytes(onnx)
    return "onnx"


def _served(folder: Path, runtime: Runtime) -> OnnxModel | SkopsModel:
    from serving import answering

    return answering.load(folder, runtime)


def _asked(
    served: OnnxModel | SkopsModel, candidate: Candidate
) -> tuple[Callable[[Mapping[str, np.ndarray]], object], Mapping[str, np.ndarray]]:
    """Return what computes for a request, and what it is asked with."""
    from serving.onnx_model import OnnxModel

    if isinstance(served, OnnxModel):
        return served.run, served.feed(candidate.encoded)
    return served.predict, candidate.encoded


def _agreed(served: OnnxModel | SkopsModel, candidate: Candidate) -> np.ndarray:
    """Return the served model's probabilities for all test rows; raise where they are others."""
    return directory.agreed(
        candidate.probabilities,
        served.predict(candidate.encoded),
        candidate.signature.labels,
        lambda row: {name: values[row] for name, values in candidate.test.cells.items()},
    )


def _golden(candidate: Candidate, probabilities: np.ndarray) -> Golden:
    missing = np.zeros(len(probabilities), dtype=bool)
    for cells in candidate.encoded.values():
        missing |= rules.missing(cells[:, 0])
    labels = candidate.test.labels
    if candidate.signature.is_number:
        labels = rules.extremes(labels)
    chosen = rules.golden_rows(labels, missing)
    columns = {name: values[chosen] for name, values in candidate.encoded.items()}
    return Golden(columns, probabilities[chosen])


def _baseline(candidate: Candidate, train: Rows) -> dict[str, Any]:
    signature = candidate.signature
    if signature.is_number:
        return number_baseline(signature.inputs, train.cells, candidate.probabilities[:, 0])
    predicted = candidate.probabilities.argmax(axis=1)
    return baseline(signature.inputs, train.cells, predicted, signature.labels)


def _card(inputs: Inputs, signature: Signature, training: trained.Training, now: datetime) -> Card:
    return Card(
        name=inputs.name,
        kind=training.kind,
        signature=signature,
        data_sha256=training.data_sha256,
        libraries=dict(training.libraries),
        metrics=read_scores(inputs.evaluation).candidate,
        opset=conversion.OPSET,
        created_at=now.isoformat(timespec="seconds"),
        task=training.task,
        feedback=inputs.feedback,
    )
