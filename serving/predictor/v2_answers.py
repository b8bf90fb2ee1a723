"""V2 answers as bytes: JSON, or JSON and raw tensors behind it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import orjson

from serving.card import Card
from serving.predictor.outputs import NUMBER, OUTPUTS, Outputs
from serving.predictor.served import Answer
from serving.predictor.v2 import USUAL, Wish
from serving.signature import Label

REMEMBERED = 64
"""Sizes of batches of which the beginnings of the outputs are kept."""


class Beginnings(NamedTuple):
    """What stands before the data of each output, for one number of rows."""

    label: bytes
    label_raw: bytes
    probabilities: bytes
    prediction: bytes


class V2Answers:
    """Writes the answers of one model; `outputs` are those of a request that names none."""

    def __init__(self, name: str, card: Card, outputs: Outputs = OUTPUTS) -> None:
        labels = card.signature.labels
        head = orjson.dumps({"model_name": name, "model_version": card.version})
        self._head = head[:-1] + b',"id":'
        self._datatype = label_datatype(labels)
        self._json = [orjson.dumps(label) for label in labels]
        self._raw = [_raw_label(self._datatype, label) for label in labels]
        self._classes = orjson.dumps({"classes": classes_text(labels)})[1:-1]
        self._width = len(labels)
        self._beginnings: dict[int, Beginnings] = {}
        self._usual = USUAL[outputs][False]
        only: dict[Outputs, Callable[[Answer, str], bytes]] = {
            ("label",): self._one_label,
            ("probabilities",): self._one_probabilities,
            NUMBER: self._one_prediction,
        }
        self._writers = {
            "label": self._label,
            "probabilities": self._probabilities,
            NUMBER[0]: self._prediction,
        }
        self._one = only.get(outputs, self._one_of_both)
        begin = self._beginning(1)
        self._open_prediction = b'%b%bnull,"data":' % (_OPEN, begin.prediction)
        self._open_probabilities = b'%b%b},"data":' % (_OPEN, begin.probabilities)
        self._open_labels = [b"%b%b%b]}" % (_OPEN, begin.label, label) for label in self._json]
        self._open_both = [
            b'%b,%b},"data":' % (label, begin.probabilities) for label in self._open_labels
        ]

    def encode(self, answer: Answer, wish: Wish) -> tuple[bytes, int | None]:
        """Return the body, and the length of its JSON part where raw tensors follow."""
        if wish.outputs is self._usual and len(answer.probabilities) == 1:
            return self._one(answer, wish.id), None
        begin = self._begin(len(answer.probabilities))
        texts, tail = [], []
        for name, binary in wish.outputs:
            text, raw = self._writers[name](answer, begin, binary)
            texts.append(text)
            if binary:
                tail.append(raw)
        parts = (self._head, orjson.dumps(wish.id), _OPEN, b",".join(texts), b"]}")
        body = b"".join(parts)
        return (b"".join((body, *tail)), len(body)) if tail else (body, None)

    def _one_of_both(self, answer: Answer, id_: str) -> bytes:
        """Return both outputs of one row as JSON: by far the most frequent answer."""
        data = orjson.dumps(answer.probabilities[0], option=orjson.OPT_SERIALIZE_NUMPY)
        (best,) = answer.best
        return b"%b%b%b%b}]}" % (self._head, orjson.dumps(id_), self._open_both[best], data)

    def _one_label(self, answer: Answer, id_: str) -> bytes:
        (best,) = answer.best
        return b"%b%b%b]}" % (self._head, orjson.dumps(id_), self._open_labels[best])

    def _one_probabilities(self, answer: Answer, id_: str) -> bytes:
        data = orjson.dumps(answer.probabilities[0], option=orjson.OPT_SERIALIZE_NUMPY)
        return b"%b%b%b%b}]}" % (self._head, orjson.dumps(id_), self._open_probabilities, data)

    def _one_prediction(self, answer: Answer, id_: str) -> bytes:
        data = orjson.dumps(answer.probabilities[0], option=orjson.OPT_SERIALIZE_NUMPY)
        return b"%b%b%b%b}]}" % (self._head, orjson.dumps(id_), self._open_prediction, data)

    def _prediction(self, answer: Answer, begin: Beginnings, binary: bool) -> tuple[bytes, bytes]:
        if binary:
            raw = answer.probabilities.astype("<f4", copy=False).tobytes()
            return b'%b{"binary_data_size":%d}}' % (begin.prediction, len(raw)), raw
        data = orjson.dumps(answer.probabilities.ravel(), option=orjson.OPT_SERIALIZE_NUMPY)
        return begin.prediction + b'null,"data":' + data + b"}", b""

    def _label(self, answer: Answer, begin: Beginnings, binary: bool) -> tuple[bytes, bytes]:
        if binary:
            raw = b"".join([self._raw[index] for index in answer.best])
            return b"%b%d}}" % (begin.label_raw, len(raw)), raw
        return begin.label + b",".join([self._json[index] for index in answer.best]) + b"]}", b""

    def _probabilities(
        self, answer: Answer, begin: Beginnings, binary: bool
    ) -> tuple[bytes, bytes]:
        if binary:
            raw = answer.probabilities.astype("<f4", copy=False).tobytes()
            return b'%b,"binary_data_size":%d}}' % (begin.probabilities, len(raw)), raw
        data = orjson.dumps(answer.probabilities.ravel(), option=orjson.OPT_SERIALIZE_NUMPY)
        return begin.probabilities + b'},"data":' + data + b"}", b""

    def _begin(self, rows: int) -> Beginnings:
        found = self._beginnings.get(rows)
        if found is None:
            found = self._beginning(rows)
            if len(self._beginnings) < REMEMBERED:
                self._beginnings[rows] = found
        return found

    def _beginning(self, rows: int) -> Beginnings:
        label = b'{"name":"label","shape":[%d],"datatype":"%b","parameters":' % (
            rows,
            self._datatype,
        )
        shape = b'{"name":"probabilities","shape":[%d,%d],"datatype":"FP32","parameters":{%b'
        number = b'{"name":"prediction","shape":[%d],"datatype":"FP32","parameters":'
        return Beginnings(
            label=label + b'null,"data":[',
            label_raw=label + b'{"binary_data_size":',
            probabilities=shape % (rows, self._width, self._classes),
            prediction=number % rows,
        )


_OPEN = b',"parameters":null,"outputs":['


def label_datatype(labels: tuple[Label, ...]) -> bytes:
    """Return the V2 datatype of the labels."""
    kinds = frozenset(type(label) for label in labels)
    return {frozenset({int}): b"INT64", frozenset({bool}): b"BOOL"}.get(kinds, b"BYTES")


def classes_text(labels: tuple[Label, ...]) -> str:
    """Return the labels as a JSON list: what a parameter, a text, can carry."""
    return json.dumps(list(labels), ensure_ascii=False)


def _raw_label(datatype: bytes, label: Label) -> bytes:
    if datatype != b"BYTES":
        return np.array(label, "<i8" if datatype == b"INT64" else "?").tobytes()
    text = str(label).encode()
    return len(text).to_bytes(4, "little") + text
