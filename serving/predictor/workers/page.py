"""`GET /metrics` of a worker: the metrics of all of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import orjson
from prometheus_client.exposition import choose_encoder

from serving.predictor.asgi import JSON, ASGIApp, Receive, Reply, Scope, Send, send_reply
from serving.predictor.sketch_page import without
from serving.predictor.workers.reports import Report, ReportCollector

PATH = "/metrics"


class MetricsPage:
    """An ASGI app around another: answers `GET /metrics` with what `gather` finds."""

    def __init__(self, app: ASGIApp, gather: Callable[[], Awaitable[Report]]) -> None:
        self._app, self._gather = app, gather

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or pass it on."""
        if scope.get("path") != PATH or scope.get("method") != "GET":
            await self._app(scope, receive, send)
            return
        try:
            report = await self._gather()
        except TimeoutError:
            await send_reply(send, _stuck())
            return
        accepted = dict(scope["headers"]).get(b"accept", b"").decode("latin-1")
        encode, content_type = choose_encoder(accepted)
        headers = [(b"content-type", content_type.encode())]
        await send_reply(send, Reply(200, encode(ReportCollector(without(report))), headers))


def _stuck() -> Reply:
    sentence = "The workers' parent process did not gather the metrics in time; ask again."
    return Reply(503, orjson.dumps({"error": sentence}), [JSON])
