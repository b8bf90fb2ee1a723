"""The model that is served: loaded only when it is whole and answers its golden rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from serving.artifact import GOLDEN, MODEL, Card, Golden, read_card, read_golden, verify
from serving.errors import ModelError
from serving.image_signature import IMAGE, encode_images, pixels_of
from serving.onnx_model import ImageModel, NumericModel, OnnxModel
from serving.signature import Cells, Label, encode

TOLERANCE = 1e-4


class Answer(NamedTuple):
    """What the model says to n rows."""

    classes: tuple[Label, ...]
    numbers: np.ndarray
    """The numeric columns as the model got them, float32 [n, numeric columns], in card order."""
    probabilities: np.ndarray
    """float32 [n, k], in the order of `classes`."""

    @property
    def best(self) -> list[int]:
        """The index of each row's most probable class."""
        found: list[int] = self.probabilities.argmax(axis=1).tolist()
        return found

    @property
    def labels(self) -> list[Label]:
        """The most probable class of each row."""
        return [self.classes[index] for index in self.best]


@dataclass(frozen=True)
class ServedModel:
    """A card and its model; knows columns and labels, but no protocol."""

    card: Card
    model: OnnxModel
    numeric: NumericModel | None
    """The quick way; only where every column is numeric."""
    images: ImageModel | None = None
    """What answers instead where the model takes images."""

    @property
    def numbers(self) -> tuple[str, ...]:
        """The names of the numeric columns, in card order."""
        return tuple(column.name for column in self.card.signature.inputs if column.kind != "text")

    def answer(self, cells: np.ndarray | Mapping[str, Cells]) -> Answer:
        """Return the answer to checked cells: raw by column, or what `encode_…` gave for them."""
        if self.numeric is None:
            if self.images is None:
                return self._by_column(cells)  # type: ignore[arg-type]
            return self._by_image(self.images, cells)  # type: ignore[arg-type]
        if not isinstance(cells, np.ndarray):
            cells = _side_by_side(encode(self.card.signature.inputs, cells))
        return Answer(self.card.signature.labels, cells, self.numeric.predict(cells))

    def _by_image(self, model: ImageModel, images: np.ndarray) -> Answer:
        none = np.empty((len(images), 0), np.float32)
        return Answer(self.card.signature.labels, none, model.predict(images))

    def _by_column(self, cells: Mapping[str, Cells]) -> Answer:
        inputs = encode(self.card.signature.inputs, cells)
        numbers = {name: inputs[name] for name in self.numbers}
        probabilities = self.model.predict(inputs)
        matrix = _side_by_side(numbers) if numbers else np.empty((len(probabilities), 0))
        return Answer(self.card.signature.labels, matrix, probabilities)


def load(directory: Path) -> ServedModel:
    """Return the model of a published directory.

    Raises `ModelError` naming the file where anything was changed, is missing or extra, or where
    the model does not answer its golden rows as it did when it was packaged.
    """
    verify(directory)
    card, model = read_card(directory), OnnxModel.load(directory)
    _check_inputs(card, model, directory)
    served = ServedModel(card, model, _numeric(card, model), _images(card, model))
    _replay(served, read_golden(directory), directory)
    return served


def _numeric(card: Card, model: OnnxModel) -> NumericModel | None:
    inputs = card.signature.inputs
    if card.signature.image or any(column.kind == "text" for column in inputs):
        return None
    order = tuple(column.name for column in inputs)
    return NumericModel(model, order, len(card.signature.labels))


def _images(card: Card, model: OnnxModel) -> ImageModel | None:
    image = card.signature.image
    return ImageModel(model, image, len(card.signature.labels)) if image else None


def _side_by_side(inputs: Mapping[str, np.ndarray]) -> np.ndarray:
    return np.concatenate(list(inputs.values()), axis=1)


def _check_inputs(card: Card, model: OnnxModel, directory: Path) -> None:
    named = {IMAGE} if card.signature.image else {c.name for c in card.signature.inputs}
    if different := sorted(named ^ set(model.inputs)):
        raise ModelError(
            f"{directory / MODEL} and its card disagree about the inputs "
            f"{', '.join(map(repr, different))}; package the model again."
        )


def _replay(served: ServedModel, golden: Golden, directory: Path) -> None:
    expected = golden.probabilities
    image = served.card.signature.image
    rows = encode_images(image, pixels_of(image, golden.columns)) if image else golden.columns
    given = served.answer(rows).probabilities
    if expected.size == 0 or expected.shape != given.shape:
        raise ModelError(
            f"{directory / GOLDEN} expects probabilities {expected.shape}, the model gives "
            f"{given.shape}; package the model again."
        )
    worst = float(np.abs(given - expected).max())
    # Written so that NaN is refused as well.
    if not worst <= TOLERANCE:
        raise ModelError(
            f"{directory / MODEL} answers its golden rows with a difference of {worst:.2g}, "
            f"allowed is {TOLERANCE:.0e}; package the model again with this ONNX Runtime."
        )
