"""The door of the local platform: every prediction comes in here and goes to one revision."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from urllib.parse import parse_qsl

from aiohttp import web
from aiohttp.http import HttpProcessingError

from serving.errors import PlatformError
from serving.local.downstream import Relayed, read_request, refusal
from serving.local.forward import Call, Forwarder
from serving.local.gateway_metrics import UNMEASURED, Meter, Metrics, page
from serving.local.routes import Match, Route, RouteTable, Target, is_prediction
from serving.local.upstream import Backend

__all__ = ["Gateway", "Route", "Target"]

BUFFER_BYTES = 1024 * 1024
TIMEOUT_S = 60.0
DRAIN_S = 10.0
CLOSE_S = 0.2  # for what the drain left over
HEAD_LIMIT_BYTES = 16 * 1024
USAGE = "ask /serving/<namespace>/<name>/v1/models/<name>:predict"


class Gateway:
    """An HTTP server that splits each service's predictions among its revisions, exactly."""

    def __init__(
        self,
        *,
        timeout_s: float = TIMEOUT_S,
        buffer_limit: int = BUFFER_BYTES,
        drain_s: float = DRAIN_S,
        beside: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        """Know no service yet; a body over `buffer_limit` bytes is streamed and never resent.

        `beside` gives lines that the page of metrics has below what is counted here.
        """
        self._beside = beside
        self._timeout_s, self._buffer_limit, self._drain_s = timeout_s, buffer_limit, drain_s
        self._routes = RouteTable()
        self._backends: dict[str, Backend] = {}
        self._metrics = Metrics()
        self._forwarder = Forwarder(self._backends)
        self._runner: web.ServerRunner | None = None
        self._running = 0
        self._at_rest = asyncio.Event()
        self._at_rest.set()

    def set_route(self, route: Route) -> None:
        """Send the service's next request by this traffic block; running ones are left alone."""
        self._routes.set(route)

    def remove_route(self, namespace: str, service: str) -> None:
        """Answer 404 for the service from the next request on."""
        self._routes.remove(namespace, service)

    def set_backend(self, revision_key: str, address: tuple[str, int] | None) -> None:
        """Say where "namespace/revision" listens; None: it is not ready, or gone."""
        known = self._backends.get(revision_key)
        if known and known.address == address:
            return
        if known:
            self._backends.pop(revision_key).close()
        if address:
            self._backends[revision_key] = Backend(address, timeout_s=self._timeout_s)

    async def start(self, host: str, port: int) -> int:
        """Listen, and return the port; PlatformError if it is taken. Port 0 is any free one."""
        self._runner = web.ServerRunner(self._server(), shutdown_timeout=CLOSE_S)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise PlatformError(
                f"the gateway cannot listen on {host}:{port} ({error.strerror}); "
                f"free the port or choose another one with KANARYA_GATEWAY_PORT"
            ) from error
        bound: int = self._runner.addresses[0][1]
        return bound

    async def stop(self) -> None:
        """Take no new connection, let running requests finish, then close everything."""
        if self._runner is None:
            return
        self._forwarder.closing = True
        for site in self._runner.sites:
            await site.stop()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._drain_s):
                await self._at_rest.wait()
        await self._runner.cleanup()
        for backend in self._backends.values():
            backend.close()
        self._runner = None

    def _server(self) -> web.Server:
        return web.Server(
            self._handle,
            handler_cancellation=True,
            auto_decompress=False,
            access_log=None,
            logger=_server_log(),
            max_line_size=HEAD_LIMIT_BYTES,
            max_field_size=HEAD_LIMIT_BYTES,
        )

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self._running += 1
        self._at_rest.clear()
        try:
            return await self._answer(request)
        except web.RequestPayloadError as error:
            return refusal(400, f"the request's body is not valid HTTP ({error}); send it again")
        except ConnectionError:
            # It was counted where it happened. An exception from here on would make aiohttp write
            # an answer of its own into the middle of the one that broke off.
            return Relayed(502, stays=False)
        finally:
            self._running -= 1
            if not self._running:
                self._at_rest.set()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        match = self._routes.match(request.raw_path, request.headers.get("Host", ""))
        if refused := _refused(request):
            return refused
        if match is None:
            return self._own(request)
        prediction = is_prediction(request.method, match.path)
        message = await read_request(request, match.path, self._buffer_limit)
        meter = self._meter(match) if prediction else UNMEASURED
        return await self._forwarder.carry(Call(request, message, match, meter, prediction))

    def _meter(self, match: Match) -> Meter:
        route = match.service.route
        return UNMEASURED if match.tag else self._metrics.service(route.namespace, route.service)

    def _own(self, request: web.BaseRequest) -> web.Response:
        """Answer what is asked of the gateway itself."""
        path, _, query = request.raw_path.partition("?")
        if path == "/healthz":
            return web.Response(text="ok\n")
        if path == "/metrics":
            body = self._page(dict(parse_qsl(query)))
            return web.Response(body=body, headers={"Content-Type": self._metrics.content_type})
        known = ", ".join(self._routes.known()) or "none yet"
        return refusal(404, f"{path}: there is no such service; {USAGE}; services: {known}")

    def _page(self, asked: Mapping[str, str]) -> bytes:
        """Return the page of metrics; that of one service, which rollouts read, has no more."""
        counted = self._metrics.render(asked.get("namespace", ""), asked.get("service", ""))
        return counted if asked.get("service") else counted + page(self._beside())


def _refused(request: web.BaseRequest) -> web.Response | None:
    """Return the refusal of what a gateway of requests and answers cannot carry."""
    headers = request.headers
    asked = headers.get("Upgrade", "").lower()
    # A client that merely offers HTTP/2 (Java's does, always) is content with HTTP/1.1.
    if request.method == "CONNECT" or (asked and asked != "h2c"):
        what = "CONNECT" if request.method == "CONNECT" else f"an upgrade to {asked}"
        return refusal(501, f"the gateway does not do {what}; send a plain HTTP/1.1 request")
    expected = headers.get("Expect", "100-continue")
    if expected.lower() != "100-continue":
        return refusal(417, f"the gateway cannot meet Expect: {expected}; leave the header out")
    return None


def _server_log() -> logging.Logger:
    """Return the log of aiohttp's server, without a traceback for each broken request."""
    log = logging.getLogger("kanarya.gateway.http")
    log.addFilter(_is_ours)
    return log


def _is_ours(record: logging.LogRecord) -> bool:
    """Say whether a failure is not merely a client that does not speak HTTP."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))
