"""The two hot routes: from a request's bytes and headers to an answer's."""

from __future__ import annotations

import typing

from serving.predictor.asgi import JSON, Headers
from serving.predictor.cells import BadRequest
from serving.predictor.dataplane import DataPlane
from serving.predictor.tally import Protocol
from serving.predictor.v1 import V1, parsed
from serving.predictor.v2 import V2
from serving.predictor.v2_answers import V2Answers

HEADER_LENGTH = b"inference-header-content-length"
BINARY = b"application/octet-stream"
CONTENT_TYPE = b"content-type"

Given = dict[bytes, bytes]
"""A request's headers, by lower-case name."""


class Route(typing.Protocol):
    """One address: its counts, and what answers there."""

    counts: Protocol

    async def answer(self, body: bytes, given: Given) -> tuple[bytes, Headers]:
        """Return body and headers of the answer; raise `BadRequest` with what is wrong."""
        ...


class CloudEvent(Exception):
    """The body is a structured CloudEvent: KServe unwraps those, and wraps the answer."""


class V1Route:
    """`POST /v1/models/{m}:predict`: JSON, whatever the content type says."""

    def __init__(self, name: str, plane: DataPlane) -> None:
        self.counts = plane.tally.protocol("v1")
        self._plane = plane
        self._v1 = V1(name, plane.served.card, plane.reader)

    async def answer(self, body: bytes, given: Given) -> tuple[bytes, Headers]:
        """Return the answer of a V1 body."""
        try:
            cells = self._v1.decode(body)
        except BadRequest as error:
            if _is_event(body):
                raise CloudEvent from error
            raise
        return self._v1.encode(await self._plane.answer(cells)), _JSON


class V2Route:
    """`POST /v2/models/{m}/infer`: JSON, or JSON and raw tensors behind it."""

    def __init__(self, name: str, plane: DataPlane) -> None:
        self.counts = plane.tally.protocol("v2")
        self._plane = plane
        self._v2 = V2(plane.reader)
        self._answers = V2Answers(name, plane.served.card)

    async def answer(self, body: bytes, given: Given) -> tuple[bytes, Headers]:
        """Return the answer of a V2 body."""
        header = given.get(HEADER_LENGTH)
        if header is None and given.get(CONTENT_TYPE) == BINARY:
            raise BadRequest(
                "The body is application/octet-stream, but the header "
                "Inference-Header-Content-Length is missing."
            )
        cells, wish = self._v2.decode(body, header)
        content, length = self._answers.encode(await self._plane.answer(cells), wish)
        if length is None:
            return content, _JSON
        return content, [(CONTENT_TYPE, BINARY), (HEADER_LENGTH, b"%d" % length)]


_JSON = [JSON]
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
