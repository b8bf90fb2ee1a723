"""The two hot routes: from a request's bytes and headers to an answer's."""

from __future__ import annotations

import typing

from serving.predictor.asgi import JSON, Headers
from serving.predictor.cells import BadRequest
from serving.predictor.dataplane import DataPlane
from serving.predictor.requests import Checked
from serving.predictor.served import Answer
from serving.predictor.tally import Protocol
from serving.predictor.v1 import V1, parsed
from serving.predictor.v2 import NO_WISH, V2, Wish
from serving.predictor.v2_answers import V2Answers

HEADER_LENGTH = b"inference-header-content-length"
BINARY = b"application/octet-stream"
CONTENT_TYPE = b"content-type"

PLAIN: Headers = [JSON]
"""The headers of an answer that is JSON."""

Given = dict[bytes, bytes]
"""A request's headers, by lower-case name."""


class Route(typing.Protocol):
    """One address: its counts, and what its bytes mean."""

    path: str
    counts: Protocol

    def decode(self, body: bytes, given: Given) -> tuple[Checked, Wish]:
        """Return the cells of a request and how to answer; raise `BadRequest`."""
        ...

    def encode(self, answer: Answer, wish: Wish) -> tuple[bytes, Headers]:
        """Return body and headers of the answer."""
        ...


class CloudEvent(Exception):
    """The body is a structured CloudEvent: KServe unwraps those, and wraps the answer."""


class V1Route:
    """`POST /v1/models/{m}:predict`: JSON, whatever the content type says."""

    def __init__(self, name: str, plane: DataPlane) -> None:
        self.path = f"/v1/models/{name}:predict"
        self.counts = plane.tally.protocol("v1")
        self._v1 = V1(name, plane.served.card, plane.reader, plane.outputs)

    def decode(self, body: bytes, given: Given) -> tuple[Checked, Wish]:
        """Return the cells; raise `CloudEvent` where KServe has to unwrap the body."""
        try:
            return self._v1.decode(body), NO_WISH
        except BadRequest as error:
            if _is_event(body):
                raise CloudEvent from error
            raise

    def encode(self, answer: Answer, wish: Wish) -> tuple[bytes, Headers]:
        """Return the answer as JSON."""
        return self._v1.encode(answer), PLAIN


class V2Route:
    """`POST /v2/models/{m}/infer`: JSON, or JSON and raw tensors behind it."""

    def __init__(self, name: str, plane: DataPlane) -> None:
        self.path = f"/v2/models/{name}/infer"
        self.counts = plane.tally.protocol("v2")
        self._v2 = V2(plane.reader, plane.outputs)
        self._answers = V2Answers(name, plane.served.card, plane.outputs)

    def decode(self, body: bytes, given: Given) -> tuple[Checked, Wish]:
        """Return the cells and which outputs are asked for."""
        header = given.get(HEADER_LENGTH)
        if header is None and given.get(CONTENT_TYPE) == BINARY:
            raise BadRequest(
                "The body is application/octet-stream, but the header "
                "Inference-Header-Content-Length is missing."
            )
        return self._v2.decode(body, header)

    def encode(self, answer: Answer, wish: Wish) -> tuple[bytes, Headers]:
        """Return the outputs that are asked for."""
        content, length = self._answers.encode(answer, wish)
        if length is None:
            return content, PLAIN
        return content, [(CONTENT_TYPE, BINARY), (HEADER_LENGTH, b"%d" % length)]


_EVENT = {"time", "type", "source", "id", "specversion", "data"}


def _is_event(body: bytes) -> bool:
    """Say whether KServe would unwrap this body as a structured CloudEvent."""
    if b'"specversion"' not in body:
        return False
    try:
        value = parsed(body)
    except BadRequest:
        return False
    return isinstance(value, dict) and value.keys() >= _EVENT
