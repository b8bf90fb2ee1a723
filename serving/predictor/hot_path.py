"""The short way for predictions, around KServe's own app: V1 `:predict` and V2 `/infer`."""

from __future__ import annotations

import re
from time import perf_counter

from serving.predictor.asgi import (
    ASGIApp,
    Gone,
    Receive,
    Scope,
    Send,
    TooLarge,
    read,
    replayed,
    send_reply,
)
from serving.predictor.desk import Desk, absent, compressed, is_compressed, is_event, marked
from serving.predictor.routes import CloudEvent, Given

ADDRESS = re.compile(r"/v1/models/([^/:]+):predict|/v2/models/([^/]+)/infer")


class HotPath:
    """An ASGI app around another: answers predictions of one model itself, passes on the rest."""

    def __init__(self, app: ASGIApp, desk: Desk) -> None:
        self._app = app
        self._desk = desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or pass it on."""
        route = self._desk.routes.get(scope.get("path", ""))
        if route is None or scope.get("method") != "POST":
            await self._elsewhere(scope, receive, send)
            return
        given: Given = dict(scope["headers"])
        if is_event(given):
            await self._app(scope, receive, send)
            return
        if is_compressed(given):
            await send_reply(send, marked(compressed(given), given))
            self._desk.count(route, 415, 0.0)
            return
        began = perf_counter()
        self._desk.begin()
        try:
            body = await self._body(given, receive)
            began = perf_counter()
            reply = await self._desk.reply(route, body, given)
        except CloudEvent:
            await self._app(scope, replayed(body, receive), send)
            return
        except TooLarge:
            reply = self._desk.too_large()
        except Gone:
            return
        finally:
            self._desk.end()
        await send_reply(send, marked(reply, given))
        self._desk.count(route, reply.status, perf_counter() - began)

    async def _elsewhere(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; but a prediction of a model that is not here needs no traceback in the log."""
        found = ADDRESS.fullmatch(scope.get("path", ""))
        name = found and (found[1] or found[2])
        if name and scope.get("method") == "POST" and not self._desk.has(name):
            await send_reply(send, absent(name))
            return
        await self._app(scope, receive, send)

    async def _body(self, given: Given, receive: Receive) -> bytes:
        limit = self._desk.limits.request_bytes
        if int(given.get(b"content-length", b"0")) > limit:
            raise TooLarge
        return await read(receive, limit)
