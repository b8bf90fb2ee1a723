"""What a model takes and answers, and the one function that turns raw cells into model inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np

from serving.errors import ModelError, UsageError
from serving.image_signature import Image

ColumnKind = Literal["number", "integer", "boolean", "text"]
Label = str | int | bool
Cells = Sequence[object] | np.ndarray

MISSING = "(missing)"
"""The word that stands for a missing text cell, in training and in serving alike."""


@dataclass(frozen=True)
class Column:
    """One input column, as it was seen in training.

    `nullable`: missing cells were seen. `categories`: the values of a text column, sorted;
    empty means too many to list. `minimum` and `maximum`: of the numbers that were seen.
    """

    name: str
    kind: ColumnKind
    nullable: bool = False
    categories: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Column:
        """Return the column that `dataclasses.asdict` wrote; raise `ModelError` where it is not."""
        try:
            column = cls(**{**value, "categories": tuple(value.get("categories", ()))})
        except TypeError as error:
            raise ModelError(
                f"A column of the card is damaged ({error}): {dict(value)}."
            ) from error
        if column.kind not in get_args(ColumnKind):
            raise ModelError(
                f"Column {column.name!r} is of kind {column.kind!r}; "
                f"known are {', '.join(get_args(ColumnKind))}."
            )
        return column


@dataclass(frozen=True)
class Signature:
    """The columns of a model and its labels, in the order of its probabilities.

    `image`: what an image model takes instead of columns.
    """

    inputs: tuple[Column, ...]
    labels: tuple[Label, ...]
    image: Image | None = None

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object (a dict); `from_json` gives the same signature back."""
        inputs = [asdict(column) for column in self.inputs]
        image = {"image": self.image.to_json()} if self.image else {}
        return {"inputs": inputs, "labels": list(self.labels), **image}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Signature:
        """Return the signature that `to_json` wrote; raise `ModelError` where a part is missing."""
        try:
            inputs, labels = value["inputs"], value["labels"]
        except KeyError as error:
            raise ModelError(
                f"The signature of the card has no {error}; package it again."
            ) from error
        image = value.get("image")
        if image is not None and inputs:
            raise ModelError("The card has columns and an image; package the model again.")
        return cls(
            tuple(Column.from_json(column) for column in inputs),
            tuple(labels),
            None if image is None else Image.from_json(image),
        )


def encode(inputs: tuple[Column, ...], columns: Mapping[str, Cells]) -> dict[str, np.ndarray]:
    """Return the model inputs for raw cells: one array [n, 1] a column, by column name.

    number, integer, boolean → float32, missing (None, NaN) → NaN;
    text → object array of str, missing → `MISSING`. Its own output may be encoded again.
    Training, evaluation, packaging and serving all come through here, so that they cannot differ.
    """
    absent = [column.name for column in inputs if column.name not in columns]
    if absent:
        raise UsageError(
            f"The columns {', '.join(map(repr, absent))} are missing; supply them all."
        )
    return {column.name: _encoded(column.kind, columns[column.name]) for column in inputs}


def encode_matrix(cells: np.ndarray) -> np.ndarray:
    """Return numeric cells side by side, [n, columns], as float32: what `encode` gives, at once.

    Bit for bit the same as column by column; for models whose columns are all numeric.
    """
    return _rounded(cells)


def _encoded(kind: ColumnKind, cells: Cells) -> np.ndarray:
    return (_texts(cells) if kind == "text" else _numbers(cells)).reshape(-1, 1)


def _numbers(cells: Cells) -> np.ndarray:
    # numpy turns None into NaN here; a number that float32 cannot hold becomes infinite.
    with np.errstate(over="ignore"):
        return _rounded(np.asarray(cells))


def _rounded(cells: np.ndarray) -> np.ndarray:
    # Whole numbers pass through float64, as they do beside a fraction: one value, one rounding.
    wide = cells.astype(np.float64) if cells.dtype.kind in "iu" else cells
    return wide.astype(np.float32, copy=False)


def _texts(cells: Cells) -> np.ndarray:
    texts = np.array(cells, dtype=object)
    if isinstance(cells, list) and {*map(type, cells)} == {str}:
        return texts
    # Only NaN differs from itself.
    missing = (texts == None) | (texts != texts)  # noqa: E711 - cell by cell
    texts[missing.astype(bool)] = MISSING
    return texts
