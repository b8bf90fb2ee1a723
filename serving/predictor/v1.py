"""KServe's V1 protocol: `{"instances": [...]}` in, `{"predictions": [...]}` and more out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from serving.card import Card
from serving.predictor.cells import BadRequest
from serving.predictor.outputs import NUMBER, OUTPUTS, Outputs
from serving.predictor.requests import Checked, RequestReader
from serving.predictor.served import Answer


class V1:
    """The V1 bytes of one model.

    `encode` gives the body of an answer: `predictions` are the labels, with the probabilities
    beside them, or whichever of the two is the only one of `outputs`; or they are the numbers.
    """

    def __init__(
        self, name: str, card: Card, reader: RequestReader, outputs: Outputs = OUTPUTS
    ) -> None:
        self._reader = reader
        labels = list(card.signature.labels)
        classes = {} if card.signature.is_number else {"classes": labels}
        self._tail = {**classes, "model_name": name, "model_version": card.version}
        self._end = b"," + orjson.dumps(self._tail)[1:]
        self._outputs = outputs
        only: dict[Outputs, Callable[[Answer], bytes]] = {
            ("label",): self._labels,
            ("probabilities",): self._probabilities,
            NUMBER: self._numbers,
        }
        self.encode = only.get(outputs, self._both)
        # One row is by far the most frequent request.
        self._one = [
            b'{"predictions":[' + orjson.dumps(label) + b'],"probabilities":' for label in labels
        ]

    def decode(self, body: bytes) -> Checked:
        """Return the cells of a body; raise `BadRequest` with what is wrong."""
        return self._reader.instances(parsed(body), body)

    def _both(self, answer: Answer) -> bytes:
        best = answer.best
        probabilities = orjson.dumps(answer.probabilities, option=orjson.OPT_SERIALIZE_NUMPY)
        if len(best) == 1:
            return self._one[best[0]] + probabilities + self._end
        labels = orjson.dumps(answer.labels)
        return b'{"predictions":' + labels + b',"probabilities":' + probabilities + self._end

    def value(self, answer: Answer) -> dict[str, Any]:
        """Return the same answer as an object, for KServe to wrap into a CloudEvent."""
        if self._outputs == NUMBER:
            return {"predictions": answer.probabilities.ravel().tolist(), **self._tail}
        probabilities = answer.probabilities.tolist()
        if self._outputs == ("probabilities",):
            return {"predictions": probabilities, **self._tail}
        beside = {"probabilities": probabilities} if "probabilities" in self._outputs else {}
        return {"predictions": answer.labels, **beside, **self._tail}

    def _labels(self, answer: Answer) -> bytes:
        return b'{"predictions":' + orjson.dumps(answer.labels) + self._end

    def _probabilities(self, answer: Answer) -> bytes:
        probabilities = orjson.dumps(answer.probabilities, option=orjson.OPT_SERIALIZE_NUMPY)
        return b'{"predictions":' + probabilities + self._end

    def _numbers(self, answer: Answer) -> bytes:
        numbers = orjson.dumps(answer.probabilities.ravel(), option=orjson.OPT_SERIALIZE_NUMPY)
        return b'{"predictions":' + numbers + self._end


def parsed(body: bytes) -> Any:
    """Return the value of JSON bytes; raise `BadRequest` as KServe words it."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"Unrecognized request format: {error}") from error
