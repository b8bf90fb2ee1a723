"""The model that is served: loaded only when it is whole and answers its golden rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from serving.artifact import GOLDEN, MODEL, Card, Golden, read_card, read_golden, verify
from serving.errors import ModelError
from serving.onnx_model import OnnxModel
from serving.signature import Cells, Label, encode

TOLERANCE = 1e-4


@dataclass(frozen=True)
class Answer:
    """What the model says to n rows: n labels, and probabilities [n, k] in the card's order."""

    labels: list[Label]
    probabilities: np.ndarray


@dataclass(frozen=True)
class ServedModel:
    """A card and its model; knows columns and labels, but no protocol."""

    card: Card
    model: OnnxModel

    def answer(self, columns: Mapping[str, Cells]) -> Answer:
        """Return labels and probabilities for columns of checked, raw cells."""
        probabilities = self.model.predict(encode(self.card.signature.inputs, columns))
        labels = self.card.signature.labels
        best = probabilities.argmax(axis=1).tolist()
        return Answer(labels=[labels[index] for index in best], probabilities=probabilities)


def load(directory: Path) -> ServedModel:
    """Return the model of a published directory.

    Raises `ModelError` naming the file where anything was changed, is missing or extra, or where
    the model does not answer its golden rows as it did when it was packaged.
    """
    verify(directory)
    served = ServedModel(card=read_card(directory), model=OnnxModel.load(directory))
    _check_inputs(served, directory)
    _replay(served, read_golden(directory), directory)
    return served


def _check_inputs(served: ServedModel, directory: Path) -> None:
    columns = {column.name for column in served.card.signature.inputs}
    different = sorted(columns ^ set(served.model.inputs))
    if different:
        raise ModelError(
            f"{directory / MODEL} and its card disagree about the inputs "
            f"{', '.join(map(repr, different))}; package the model again."
        )


def _replay(served: ServedModel, golden: Golden, directory: Path) -> None:
    answer = served.answer(golden.columns)
    expected = golden.probabilities
    if expected.size == 0 or expected.shape != answer.probabilities.shape:
        raise ModelError(
            f"{directory / GOLDEN} expects probabilities {expected.shape}, the model gives "
            f"{answer.probabilities.shape}; package the model again."
        )
    worst = float(np.abs(answer.probabilities - expected).max())
    # Written so that NaN is refused as well.
    if not worst <= TOLERANCE:
        raise ModelError(
            f"{directory / MODEL} answers its golden rows with a difference of {worst:.2g}, "
            f"allowed is {TOLERANCE:.0e}; package the model again with this ONNX Runtime."
        )
