"""The short way for predictions, around KServe's own app: V1 `:predict` and V2 `/infer`."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Container
from dataclasses import dataclass
from time import perf_counter

import orjson

from serving.errors import KanaryaError
from serving.predictor.asgi import (
    JSON,
    ASGIApp,
    Gone,
    Receive,
    Reply,
    Scope,
    Send,
    TooLarge,
    read,
    replayed,
    send_reply,
)
from serving.predictor.cells import BadRequest
from serving.predictor.dataplane import DataPlane
from serving.predictor.routes import CONTENT_TYPE, CloudEvent, Given, Route, V1Route, V2Route

REQUEST_ID = b"x-request-id"
LONGEST_ID = 256
EVENT = b"ce-specversion"
EVENT_TYPE = b"application/cloudevents+json"
ADDRESS = re.compile(r"/v1/models/([^/:]+):predict|/v2/models/([^/]+)/infer")

logger = logging.getLogger("kserve")

Log = Callable[[str, int, float], None]
"""Is told path, status and seconds of every answer."""


@dataclass(frozen=True)
class Limits:
    """How large a request may be, and how many may be under way at a time."""

    request_bytes: int = 32 * 2**20
    concurrency: int = 1000


class HotPath:
    """An ASGI app around another: answers predictions of one model itself, passes on the rest.

    `loaded` holds the names of the models that are there; CloudEvents are KServe's own business.
    """

    def __init__(
        self,
        app: ASGIApp,
        model: tuple[str, DataPlane],
        loaded: Container[str],
        limits: Limits,
        log: Log | None = None,
    ) -> None:
        self._app = app
        name, plane = model
        self._name = name
        self._loaded = loaded
        self._limits = limits
        self._tally = plane.tally
        self._log = log
        self._routes: dict[str, Route] = {
            f"/v1/models/{name}:predict": V1Route(name, plane),
            f"/v2/models/{name}/infer": V2Route(name, plane),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or pass it on."""
        route = self._routes.get(scope.get("path", ""))
        if route is None or scope["method"] != "POST":
            await self._elsewhere(scope, receive, send)
            return
        given: Given = dict(scope["headers"])
        if EVENT in given or given.get(CONTENT_TYPE) == EVENT_TYPE:
            await self._app(scope, receive, send)
            return
        began = perf_counter()
        self._tally.running += 1
        try:
            body = await self._body(given, receive)
            reply = await self._reply(route, body, given)
        except CloudEvent:
            await self._app(scope, replayed(body, receive), send)
            return
        except TooLarge:
            reply = self._too_large()
        except Gone:
            return
        finally:
            self._tally.running -= 1
        await send_reply(send, _marked(reply, given))
        self._count(scope, route, reply.status, perf_counter() - began)

    async def _elsewhere(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; but a prediction of a model that is not here needs no traceback in the log."""
        found = ADDRESS.fullmatch(scope.get("path", ""))
        name = found and (found[1] or found[2])
        if name and scope["method"] == "POST" and name not in self._loaded:
            await send_reply(send, _absent(name))
            return
        await self._app(scope, receive, send)

    async def _body(self, given: Given, receive: Receive) -> bytes:
        limit = self._limits.request_bytes
        if int(given.get(b"content-length", b"0")) > limit:
            raise TooLarge
        return await read(receive, limit)

    async def _reply(self, route: Route, body: bytes, given: Given) -> Reply:
        if self._name not in self._loaded:
            return _absent(self._name)
        if self._tally.running > self._limits.concurrency:
            return self._too_many()
        try:
            content, headers = await route.answer(body, given)
        except BadRequest as error:
            return _error(400, str(error))
        except KanaryaError as error:
            logger.error("%s", error)
            return _error(500, str(error))
        return Reply(200, content, headers)

    def _too_large(self) -> Reply:
        limit = self._limits.request_bytes
        return _error(413, f"The request has more than {limit} bytes; send fewer rows at a time.")

    def _too_many(self) -> Reply:
        limit = self._limits.concurrency
        refused = _error(503, f"{limit} requests are under way already; try again in a second.")
        return refused._replace(headers=[JSON, (b"retry-after", b"1")])

    def _count(self, scope: Scope, route: Route, status: int, seconds: float) -> None:
        route.counts.answered(status, seconds)
        if self._log:
            self._log(scope["path"], status, seconds)


def _error(status: int, sentence: str) -> Reply:
    return Reply(status, orjson.dumps({"error": sentence}), [JSON])


def _absent(name: str) -> Reply:
    return _error(404, f"Model with name {name} does not exist.")


def _marked(reply: Reply, given: Given) -> Reply:
    """Return the reply with the id that the client gave its request, where it is a plain word."""
    mark = given.get(REQUEST_ID)
    if mark is None or len(mark) > LONGEST_ID or not mark.decode("latin-1").isprintable():
        return reply
    return reply._replace(headers=[*reply.headers, (REQUEST_ID, mark)])
