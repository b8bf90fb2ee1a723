"""How a model directory is filled, whatever the model is: native files and graph, then the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from components.package import rules
from serving import artifact
from serving.artifact import Card, Golden
from serving.signature import Label

if TYPE_CHECKING:
    from serving.onnx_model import OnnxModel


@dataclass(frozen=True)
class Rest:
    """What is written when the graph has been found to agree with the native model."""

    card: Card
    golden: Golden
    baseline: Mapping[str, Any]


def load(directory: Path, model: bytes) -> OnnxModel:
    """Write the graph into a directory that is being filled, and return it as it will be served."""
    from serving.onnx_model import OnnxModel

    (directory / artifact.MODEL).write_bytes(model)
    return OnnxModel.load(directory)


def agreed(
    native: np.ndarray,
    onnx: np.ndarray,
    labels: tuple[Label, ...],
    row: Callable[[int], Mapping[str, Any]],
) -> np.ndarray:
    """Return the ONNX model's probabilities [n, k] unless they differ from the native ones.

    `row`: what tells a person which row that is. Raises `ModelError` with the worst one.
    """
    if mismatch := rules.worst_mismatch(native, onnx):
        raise rules.refusal(mismatch, row(mismatch.row), labels)
    return onnx


def seal(directory: Path, rest: Rest) -> dict[str, Any]:
    """Write the rest, seal the directory, and return what the pipeline's UI shows of it."""
    artifact.write_golden(directory, rest.golden)
    artifact.write_baseline(directory, rest.baseline)
    artifact.write_card(directory, rest.card)
    artifact.seal(directory)
    return {"name": rest.card.name, "kind": rest.card.kind, **rest.card.metrics}
