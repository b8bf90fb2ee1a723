"""One JSON line a request on stderr, where `--enable_latency_logging true` asks for it.

It says who asked for what and what came of it; never what was sent or answered.
"""

from __future__ import annotations

from datetime import UTC, datetime
from time import perf_counter
from typing import Any, TextIO

import orjson

from serving.predictor.asgi import ASGIApp, Message, Receive, Scope, Send
from serving.predictor.desk import LONGEST_ID, REQUEST_ID

LONGEST_PATH = 512


class AccessLog:
    """An ASGI app around all others: writes a line when a request is over."""

    def __init__(self, app: ASGIApp, stream: TextIO) -> None:
        self._app, self._stream = app, stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, look at the status, and write."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status: int | None = None

        async def watched(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        began = perf_counter()
        try:
            await self._app(scope, receive, watched)
        finally:
            line = entry(scope, status, perf_counter() - began, datetime.now(UTC))
            # One write, so that the lines of several workers do not mix.
            self._stream.write(orjson.dumps(line).decode() + "\n")


def entry(scope: Scope, status: int | None, seconds: float, now: datetime) -> dict[str, Any]:
    """Return what is logged of a request; `status` is None where the client left before."""
    path: str = scope["path"]
    client = scope.get("client")
    return {
        "time": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "method": scope["method"],
        "path": path[:LONGEST_PATH],
        "protocol": {"v1": "v1", "v2": "v2"}.get(path[1:3]),
        "status": status,
        "ms": round(seconds * 1000, 3),
        "request_id": _id(scope),
        "client": client[0] if client else None,
    }


def _id(scope: Scope) -> str | None:
    given = dict(scope["headers"]).get(REQUEST_ID)
    return given[:LONGEST_ID].decode("latin-1") if given else None
