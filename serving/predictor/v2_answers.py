"""V2 answers as bytes: JSON, or JSON and raw tensors behind it."""

from __future__ import annotations

import json
from typing import NamedTuple

import numpy as np
import orjson

from serving.card import Card
from serving.predictor.served import Answer
from serving.predictor.v2 import JSON_OUTPUTS, Wish
from serving.signature import Label

REMEMBERED = 64
"""Sizes of batches of which the beginnings of the outputs are kept."""


class Beginnings(NamedTuple):
    """What stands before the data of each output, for one number of rows."""

    label: bytes
    label_raw: bytes
    probabilities: bytes


class V2Answers:
    """Writes the answers of one model."""

    def __init__(self, name: str, card: Card) -> None:
        labels = card.signature.labels
        head = orjson.dumps({"model_name": name, "model_version": card.version})
        self._head = head[:-1] + b',"id":'
        self._datatype = label_datatype(labels)
        self._json = [orjson.dumps(label) for label in labels]
        self._raw = [_raw_label(self._datatype, label) for label in labels]
        self._classes = orjson.dumps({"classes": classes_text(labels)})[1:-1]
        self._width = len(labels)
        self._beginnings: dict[int, Beginnings] = {}
        begin = self._beginning(1)
        self._one = [
            b'%b%b%b]},%b},"data":' % (_OPEN, begin.label, label, begin.probabilities)
            for label in self._json
        ]

    def encode(self, answer: Answer, wish: Wish) -> tuple[bytes, int | None]:
        """Return the body, and the length of its JSON part where raw tensors follow."""
        if wish.outputs is JSON_OUTPUTS and len(answer.probabilities) == 1:
            return self._usual(answer, wish.id), None
        begin = self._begin(len(answer.probabilities))
        texts, tail = [], []
        for name, binary in wish.outputs:
            write = self._label if name == "label" else self._probabilities
            text, raw = write(answer, begin, binary)
            texts.append(text)
            if binary:
                tail.append(raw)
        parts = (self._head, orjson.dumps(wish.id), _OPEN, b",".join(texts), b"]}")
        body = b"".join(parts)
        return (b"".join((body, *tail)), len(body)) if tail else (body, None)

    def _usual(self, answer: Answer, id_: str) -> bytes:
        """Return both outputs of one row as JSON: by far the most frequent answer."""
        data = orjson.dumps(answer.probabilities[0], option=orjson.OPT_SERIALIZE_NUMPY)
        (best,) = answer.best
        return b"%b%b%b%b}]}" % (self._head, orjson.dumps(id_), self._one[best], data)

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
        return Beginnings(
            label=label + b'null,"data":[',
            label_raw=label + b'{"binary_data_size":',
            probabilities=shape % (rows, self._width, self._classes),
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
