"""What predictors and the collector say to each other: JSON, many rows a message."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import orjson

from serving.feedback.truths import Labelled, Predicted, Truth, class_text, number

MOST_BYTES = 16 * 2**20
"""Of a message."""
LONGEST_ID = 256


class WireError(ValueError):
    """The bytes are no message of ours."""


class Answered(NamedTuple):
    """Requests that were answered: their ids, when, of how many rows, and what was said of these.

    `outputs` of all rows: places in the model's classes, or its numbers.
    """

    ids: Sequence[str]
    at: Sequence[float]
    rows: Sequence[int]
    outputs: Sequence[float]


def is_id(mark: str) -> bool:
    """Say whether a prediction is kept under this id: no label is taken for another one."""
    return 0 < len(mark) <= LONGEST_ID and mark.isprintable()


def predictions(version: str, classes: Sequence[str] | None, answered: Answered) -> bytes:
    """Return a message of predictions; without classes the outputs are numbers."""
    return orjson.dumps({"version": version, "classes": classes, **answered._asdict()})


def predictions_of(body: bytes) -> list[Predicted]:
    """Return the rows of a message; those without a plain id or a finite number are left out.

    Raises WireError.
    """
    value = _object(body)
    try:
        return list(_predicted(value))
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise WireError(f"no message of predictions ({error!r})") from error


def _predicted(value: Any) -> Iterator[Predicted]:
    classes, outputs = value["classes"], value["outputs"]
    version, at = str(value["version"]), 0
    for id_, when, rows in zip(value["ids"], value["at"], value["rows"], strict=True):
        for row in range(rows):
            output = outputs[at + row]
            truth: Truth | None = number(output) if classes is None else str(classes[output])
            if truth is not None and is_id(id_):
                yield Predicted(id_, row, float(when), version, truth)
        at += rows


def labels(found: Sequence[Labelled]) -> bytes:
    """Return a message of labels."""
    return orjson.dumps({"labels": [list(each) for each in found]})


def labels_of(body: bytes) -> list[Labelled]:
    """Return the labels of a message. Raises WireError."""
    value = _object(body)
    try:
        return [_labelled(*each) for each in value["labels"]]
    except (KeyError, TypeError, ValueError) as error:
        raise WireError(f"no message of labels ({error!r})") from error


def _labelled(id_: object, row: object, label: object) -> Labelled:
    truth = number(label) if isinstance(label, float) else class_text(label)
    if not isinstance(id_, str) or type(row) is not int or truth is None:
        raise ValueError(f"{[id_, row, label]!r:.100}")
    return Labelled(id_, row, truth)


def _object(body: bytes) -> Any:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise WireError(f"no JSON ({error})") from error
    if not isinstance(value, dict):
        raise WireError("no JSON object")
    return value
