"""KServe's V1 protocol: `{"instances": [...]}` in, `{"predictions": [...]}` and more out."""

from __future__ import annotations

from typing import Any

import orjson

from serving.card import Card
from serving.predictor.cells import BadRequest
from serving.predictor.requests import Checked, Reader
from serving.predictor.served import Answer


class V1:
    """The V1 bytes of one model."""

    def __init__(self, name: str, card: Card, reader: Reader) -> None:
        self._reader = reader
        labels = list(card.signature.labels)
        self._tail = {"classes": labels, "model_name": name, "model_version": card.version}
        self._end = b"," + orjson.dumps(self._tail)[1:]
        # One row is by far the most frequent request.
        self._one = [
            b'{"predictions":[' + orjson.dumps(label) + b'],"probabilities":' for label in labels
        ]

    def decode(self, body: bytes) -> Checked:
        """Return the cells of a body; raise `BadRequest` with what is wrong."""
        return self._reader.instances(parsed(body), body)

    def encode(self, answer: Answer) -> bytes:
        """Return the body of an answer."""
        best = answer.best
        probabilities = orjson.dumps(answer.probabilities, option=orjson.OPT_SERIALIZE_NUMPY)
        if len(best) == 1:
            return self._one[best[0]] + probabilities + self._end
        labels = orjson.dumps(answer.labels)
        return b'{"predictions":' + labels + b',"probabilities":' + probabilities + self._end

    def value(self, answer: Answer) -> dict[str, Any]:
        """Return the same answer as an object, for KServe to wrap into a CloudEvent."""
        probabilities = answer.probabilities.tolist()
        return {"predictions": answer.labels, "probabilities": probabilities, **self._tail}


def parsed(body: bytes) -> Any:
    """Return the value of JSON bytes; raise `BadRequest` as KServe words it."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"Unrecognized request format: {error}") from error
