"""What a model takes and answers, and the one function that turns raw cells into model inputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np

from serving.errors import ModelError, UsageError
from serving.image_signature import Image

ColumnKind = Literal["number", "integer", "boolean", "text"]
Label = str | int | bool
Cells = Sequence[object] | np.ndarray

NUMBER = "number"
"""What the card says of a model without labels, so that none loses them unnoticed."""

MISSING = "(missing)"
"""The word that stands for a missing text cell, in training and in serving alike."""


@dataclass(frozen=True)
class Column:
    """One input column, as it was seen in the table that was learned from and tested on.

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
        except (AttributeError, TypeError) as error:
            raise ModelError(
                f"A column of the card is damaged ({error}): {value!r:.80}."
            ) from error
        if column.kind not in get_args(ColumnKind):
            raise ModelError(
                f"Column {column.name!r:.80} is of kind {column.kind!r:.80}; "
                f"known are {', '.join(get_args(ColumnKind))}."
            )
        if not column._is_typed():
            raise ModelError(f"A column of the card is damaged: {value!r:.80}; package it again.")
        return column

    def _is_typed(self) -> bool:
        words = [self.name, *self.categories]
        limits = (self.minimum, self.maximum)
        return (
            all(isinstance(word, str) for word in words)
            and all(type(limit) in (int, float, type(None)) for limit in limits)
            and isinstance(self.nullable, bool)
        )


@dataclass(frozen=True)
class Signature:
    """The columns of a model and its labels, in the order of its probabilities.

    `image`: what an image model takes instead of columns. A model without labels answers with a
    number.
    """

    inputs: tuple[Column, ...]
    labels: tuple[Label, ...]
    image: Image | None = None

    @property
    def is_number(self) -> bool:
        """Whether the model answers with a number instead of classes."""
        return not self.labels

    @property
    def width(self) -> int:
        """How many numbers an answer has: the probability of each label, or the one number."""
        return len(self.labels) or 1

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object (a dict); `from_json` gives the same signature back."""
        inputs = [asdict(column) for column in self.inputs]
        image = {"image": self.image.to_json()} if self.image else {}
        number = {"output": NUMBER} if self.is_number else {}
        return {"inputs": inputs, "labels": list(self.labels), **image, **number}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Signature:
        """Return the signature that `to_json` wrote; raise `ModelError` where a part is missing."""
        try:
            inputs, labels = value["inputs"], value["labels"]
        except KeyError as error:
            raise ModelError(
                f"The signature of the card has no {error}; package it again."
            ) from error
        if not isinstance(inputs, list) or not isinstance(labels, list):
            raise ModelError("The inputs and labels of the card are no lists; package it again.")
        columns = tuple(Column.from_json(column) for column in inputs)
        _refuse_doubled([column.name for column in columns], "column")
        output = value.get("output")
        if output not in (None, NUMBER):
            raise ModelError(f"The card has the output {output!r:.80}; package the model again.")
        if not {*map(type, labels)} <= {str, int, bool} or bool(labels) is (output == NUMBER):
            raise ModelError(f"The labels of the card are {labels!r:.80}; package it again.")
        _refuse_doubled(labels, "label")
        image = value.get("image")
        if image is not None and columns:
            raise ModelError("The card has columns and an image; package the model again.")
        return cls(columns, tuple(labels), None if image is None else Image.from_json(image))


def _refuse_doubled(names: Sequence[object], what: str) -> None:
    doubled = next((name for name, times in Counter(names).items() if times > 1), None)
    if doubled is not None:
        raise ModelError(f"The card has the {what} {doubled!r:.80} twice; package it again.")


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
