"""Where the requests for one model are answered, whichever way their bytes came in."""

from __future__ import annotations

import logging
from collections.abc import Container
from dataclasses import dataclass

import orjson

from serving.errors import KanaryaError
from serving.feedback.keeping import Keeper
from serving.predictor.asgi import JSON, Reply
from serving.predictor.cells import BadRequest
from serving.predictor.dataplane import DataPlane
from serving.predictor.routes import CONTENT_TYPE, Given, Route, V1Route, V2Route
from serving.predictor.served import Answer
from serving.predictor.v2 import Wish, is_own, new_id

REQUEST_ID = b"x-request-id"
LONGEST_ID = 256
ENCODING = b"content-encoding"
EVENT = b"ce-specversion"
EVENT_TYPE = b"application/cloudevents+json"

logger = logging.getLogger("kserve")


@dataclass(frozen=True)
class Limits:
    """How large a request may be, how many may be under way at a time, and how long it may take.

    `request_s`: seconds from the first byte of a request to its last; `idle_s`: seconds that a
    connection is kept while nothing is asked.
    """

    request_bytes: int = 32 * 2**20
    concurrency: int = 1000
    request_s: float = 30.0
    idle_s: float = 65.0


class Desk:
    """Answers predictions of one model.

    `loaded` holds the names of the models that are there.
    """

    def __init__(
        self,
        model: tuple[str, DataPlane],
        loaded: Container[str],
        limits: Limits,
    ) -> None:
        self.limits = limits
        self.name, self._plane = model
        self._loaded = loaded
        self._tally = self._plane.tally
        routes = (V1Route(self.name, self._plane), V2Route(self.name, self._plane))
        self.routes: dict[str, Route] = {route.path: route for route in routes}

    @property
    def is_immediate(self) -> bool:
        """Whether the usual request is answered by `now`."""
        return self._plane.is_immediate

    def now(self, route: Route, body: bytes, given: Given) -> Reply | None:
        """Return the answer; None where it has to be awaited from `reply`."""
        # This request is over before another begins, so `begin` does not count it.
        if refused := self._refused(self._tally.running + 1):
            return refused
        try:
            cells, wish = route.decode(body, given)
            answer = self._plane.now(cells)
            if answer is None:
                return None
            content, headers = route.encode(answer, wish)
        except KanaryaError as error:
            return _failed(error)
        if self._plane.keeper is not None:
            keep(self._plane.keeper, wish, given, answer)
        return Reply(200, content, headers)

    async def reply(self, route: Route, body: bytes, given: Given) -> Reply:
        """Return the answer, however long the model takes."""
        if refused := self._refused(self._tally.running):
            return refused
        try:
            cells, wish = route.decode(body, given)
            answer = self._plane.now(cells) or await self._plane.answer(cells)
            content, headers = route.encode(answer, wish)
        except KanaryaError as error:
            return _failed(error)
        if self._plane.keeper is not None:
            keep(self._plane.keeper, wish, given, answer)
        return Reply(200, content, headers)

    def has(self, name: str) -> bool:
        """Say whether a model of this name is there."""
        return name in self._loaded

    def begin(self) -> None:
        """Count a request as under way until `end`."""
        self._tally.running += 1

    def end(self) -> None:
        """Count a request as no longer under way."""
        self._tally.running -= 1

    def count(self, route: Route, status: int, seconds: float) -> None:
        """Count an answer."""
        route.counts.answered(status, seconds)

    def too_large(self) -> Reply:
        """Return the answer to a body beyond the limit."""
        limit = self.limits.request_bytes
        return failure(413, f"The request has more than {limit} bytes; send fewer rows at a time.")

    def _refused(self, under_way: int) -> Reply | None:
        if self.name not in self._loaded:
            return absent(self.name)
        limit = self.limits.concurrency
        if under_way <= limit:
            return None
        refused = failure(503, f"{limit} requests are under way already; try again in a second.")
        return refused._replace(headers=[JSON, (b"retry-after", b"1")])


def keep(keeper: Keeper, wish: Wish, given: Given, answer: Answer) -> None:
    """Keep an answer under the id that its request has, or is given here where all are kept.

    The id of a V2 body comes first: a header may be a proxy's.
    """
    mark: str | bytes | None = wish.id
    if not mark or is_own(wish.id):
        mark = given.get(REQUEST_ID)
        if mark is None and keeper.gives_ids:
            # An answer of V2 has its id in the body; V1 has no place for one but the header.
            mark = wish.id or given.setdefault(REQUEST_ID, new_id().encode())
    if mark is not None:
        keeper.keep(mark, answer.probabilities)


def is_event(given: Given) -> bool:
    """Say whether the headers tell of a CloudEvent: those are KServe's own business."""
    return EVENT in given or given.get(CONTENT_TYPE) == EVENT_TYPE


def is_compressed(given: Given) -> bool:
    """Say whether the body is something else than it seems."""
    return given.get(ENCODING, b"").strip().lower() not in (b"", b"identity")


def compressed(given: Given) -> Reply:
    """Return the answer to a compressed body: a bomb would only be known when it is unpacked."""
    how = given[ENCODING][:32].decode("latin-1")
    return failure(415, f"The body is {how!r}-encoded; send it as it is, or its tensors as bytes.")


def failure(status: int, sentence: str) -> Reply:
    """Return an error as KServe words it."""
    return Reply(status, orjson.dumps({"error": sentence}), [JSON])


def absent(name: str) -> Reply:
    """Return the answer for a model that is not here."""
    return failure(404, f"Model with name {name} does not exist.")


def mark_of(given: Given) -> bytes | None:
    """Return the id that the client gave its request, where it is a plain word."""
    mark = given.get(REQUEST_ID)
    if mark is None or len(mark) > LONGEST_ID or not mark.decode("latin-1").isprintable():
        return None
    return mark


def marked(reply: Reply, given: Given) -> Reply:
    """Return the reply with the id of the request."""
    mark = mark_of(given)
    return reply if mark is None else reply._replace(headers=[*reply.headers, (REQUEST_ID, mark)])


def _failed(error: KanaryaError) -> Reply:
    if isinstance(error, BadRequest):
        return failure(400, str(error))
    logger.error("%s", error)
    return failure(500, str(error))
