"""The model that is served: loaded only when it is whole and answers its golden rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from serving import answering, golden, plain_files
from serving.answering import Model
from serving.artifact import BASELINE, CARD, GOLDEN, Card, Golden
from serving.card import parse_card
from serving.errors import KanaryaError, ModelError
from serving.image_signature import IMAGE, encode_images, pixels_of
from serving.memory import at_most
from serving.onnx_model import PREDICTION, ImageModel, NumericModel, OnnxModel
from serving.plain_files import JSON_LIMIT
from serving.sealed import Sealed, verified
from serving.signature import Cells, Label, encode
from serving.sketch import Reference, reference
from serving.skops_model import SkopsMatrix

MEMORY = 2**30
MEMORY_PER_BYTE = 10
"""What loading a model may take: so much, and so much for each byte of its file."""


class MatrixModel(Protocol):
    """The same, where every column is numeric."""

    def predict(self, matrix: np.ndarray) -> np.ndarray:
        """Return the probabilities, float32 [n, k], for a matrix [n, columns] in card order."""


class Answer(NamedTuple):
    """What the model says to n rows."""

    classes: tuple[Label, ...]
    numbers: np.ndarray
    """The numeric columns as the model got them, float32 [n, numeric columns], in card order."""
    probabilities: np.ndarray
    """float32 [n, k], in the order of `classes`; of a model without classes its number, [n, 1]."""
    texts: tuple[np.ndarray, ...] = ()
    """The text columns as the model got them, each object [n, 1], in card order."""

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
    model: Model
    numeric: MatrixModel | None
    """The quick way; only where every column is numeric."""
    images: ImageModel | None = None
    """What answers instead where the model takes images."""
    reference: Reference | None = None
    """The cells that its traffic is counted in, where its baseline has any."""

    @property
    def numbers(self) -> tuple[str, ...]:
        """The names of the numeric columns, in card order."""
        return tuple(column.name for column in self.card.signature.inputs if column.kind != "text")

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """The names of the text columns, in card order."""
        return tuple(column.name for column in self.card.signature.inputs if column.kind == "text")

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
        texts = tuple([inputs[name] for name in self.texts])
        return Answer(self.card.signature.labels, matrix, probabilities, texts)


def load(directory: Path, public_key: Path | None = None) -> ServedModel:
    """Return the model of a published directory; with a key, only if it is signed by it.

    Raises `ModelError` naming the file where anything was changed, is missing or extra, is not
    signed, is not what this server runs, or where the model does not answer its golden rows as it
    did when it was packaged. What is parsed are the bytes that were verified.
    """
    sealed = verified(directory, public_key)
    card = parse_card(sealed.read(CARD, JSON_LIMIT), directory)
    expected = golden.parse_golden(sealed.read(GOLDEN, golden.LIMIT), directory)
    file = answering.FILES[card.runtime]
    listed = sealed.manifest.entry(file)
    try:
        with at_most(MEMORY + MEMORY_PER_BYTE * (listed.size if listed else 0)):
            served = _replayed(_loaded(card, sealed), expected, directory)
    except MemoryError as error:
        raise ModelError(
            f"{directory / file} asks for more memory than a model of its size may take; package "
            "the model again."
        ) from error
    return replace(served, reference=_reference(sealed))


def _reference(sealed: Sealed) -> Reference | None:
    if sealed.manifest.entry(BASELINE) is None:
        return None
    data = sealed.read(BASELINE, JSON_LIMIT)
    return reference(plain_files.json_object(data, sealed.directory / BASELINE))


def _loaded(card: Card, sealed: Sealed) -> ServedModel:
    model = answering.of(sealed, card.runtime)
    path = sealed.directory / answering.FILES[card.runtime]
    _check_inputs(card, model, path)
    if isinstance(model, OnnxModel):
        _check_output(card, model, path)
        return ServedModel(card, model, _numeric(card, model), _images(card, model))
    names = tuple(column.name for column in card.signature.inputs)
    if (model.inputs, model.labels) != (names, card.signature.labels):
        raise ModelError(
            f"{path} and its card disagree about the order of inputs or labels; package the model "
            "again."
        )
    return ServedModel(card, model, SkopsMatrix(model) if _is_numeric(card) else None)


def _is_numeric(card: Card) -> bool:
    return card.signature.image is None and all(
        column.kind != "text" for column in card.signature.inputs
    )


def _numeric(card: Card, model: OnnxModel) -> NumericModel | None:
    if not _is_numeric(card):
        return None
    order = tuple(column.name for column in card.signature.inputs)
    return NumericModel(model, order, card.signature.width)


def _images(card: Card, model: OnnxModel) -> ImageModel | None:
    image = card.signature.image
    return ImageModel(model, image, len(card.signature.labels)) if image else None


def _side_by_side(inputs: Mapping[str, np.ndarray]) -> np.ndarray:
    return np.concatenate(list(inputs.values()), axis=1)


def _check_inputs(card: Card, model: Model, path: Path) -> None:
    named = {IMAGE} if card.signature.image else {c.name for c in card.signature.inputs}
    if different := sorted(named ^ set(model.inputs)):
        raise ModelError(
            f"{path} and its card disagree about the inputs "
            f"{', '.join(map(repr, different))}; package the model again."
        )


def _check_output(card: Card, model: OnnxModel, path: Path) -> None:
    if (model.output == PREDICTION) is not card.signature.is_number:
        raise ModelError(
            f"{path} gives {model.output!r}, which is not what its card says; package the model "
            "again."
        )


def _replayed(served: ServedModel, expected: Golden, directory: Path) -> ServedModel:
    """Return the model once it answered its golden rows as it did at packaging."""
    path, image = directory / answering.FILES[served.card.runtime], served.card.signature.image
    try:
        rows = encode_images(image, pixels_of(image, expected.columns)) if image else None
        given = served.answer(expected.columns if rows is None else rows).probabilities
    except (KanaryaError, ValueError, TypeError, LookupError) as error:
        raise ModelError(f"{path} cannot answer its golden rows: {error}") from error
    if given.size == 0 or expected.probabilities.shape != given.shape:
        raise ModelError(
            f"{directory / GOLDEN} expects probabilities {expected.probabilities.shape}, the model "
            f"gives {given.shape}; package the model again."
        )
    differences = np.abs(given - expected.probabilities) / golden.sizes(expected.probabilities)
    worst = float(differences.max())
    # Written so that NaN is refused as well.
    if not worst <= golden.TOLERANCE:
        raise ModelError(
            f"{path} answers its golden rows with a difference of {worst:.2g}, "
            f"allowed is {golden.TOLERANCE:.0e}; package the model again with this runtime."
        )
    return served
