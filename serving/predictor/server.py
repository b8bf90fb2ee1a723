"""KServe's ModelServer on a socket of ours, with uvloop really running."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import socket
import sys
import warnings
from collections.abc import Awaitable, Callable, Coroutine
from functools import cache, reduce
from typing import Any

import uvicorn
import uvloop
from fastapi import Request
from fastapi.responses import JSONResponse
from kserve import ModelServer
from kserve.errors import InvalidInput, ModelNotFound, ModelNotReady
from kserve.model_server import app
from prometheus_client import REGISTRY

from serving.feedback.keeping import Keeper, Model
from serving.golden import Golden, read_golden
from serving.predictor.access_log import AccessLog
from serving.predictor.asgi import ASGIApp
from serving.predictor.dataplane import DataPlane
from serving.predictor.desk import Desk, Limits
from serving.predictor.events import forgiving
from serving.predictor.express import lane
from serving.predictor.faults import FaultInjection
from serving.predictor.feedback_page import FeedbackPage, KeptCollector
from serving.predictor.flags import batching, feedback_url
from serving.predictor.grpc_door import GrpcDoor
from serving.predictor.hot_path import HotPath
from serving.predictor.image_plane import plane_type
from serving.predictor.metrics import TallyCollector, stock_histogram
from serving.predictor.model import PredictorModel
from serving.predictor.openapi import document
from serving.predictor.served import ServedModel
from serving.predictor.sketch_page import Served, SketchCollector, SketchPage
from serving.predictor.workers.page import MetricsPage
from serving.predictor.workers.reports import Report, taken
from serving.predictor.workers.worker import Post

STATUS: dict[type[Exception], int] = {
    InvalidInput: 400,
    ModelNotFound: 404,
    NotImplementedError: 501,
    ModelNotReady: 503,
}
"""What KServe answers to these; with its own handlers each would put a traceback into the log."""

logger = logging.getLogger("kserve")
trace = logging.getLogger("kserve.trace")


def serve(
    name: str, served: ServedModel, at: socket.socket | Post, flags: argparse.Namespace
) -> None:
    """Answer for `served` under `name` at a bound socket, or as a worker, until told to stop."""
    together = batching(flags, served.card.batching)
    plane = plane_type(served)(served, stock_histogram(name), together, flags.default_outputs)
    REGISTRY.register(
        TallyCollector(plane.tally, name, str(served.card.version), served.card.signature.labels)
    )
    server = PredictorServer(
        at,
        flags.host,
        http_port=flags.http_port,
        enable_grpc=flags.enable_grpc,
        enable_latency_logging=False,  # ours says it in one line
    )
    desk = Desk((name, plane), server.registered_models.get_models(), _limits(flags))
    _collect(server, name, plane, flags)
    _surround(server, desk, at, flags)
    _sketch(server, name, plane, at)
    if flags.enable_docs_url:
        _describe(name, plane, read_golden(flags.model_dir))
    model = PredictorModel(name, plane)
    # What is loaded now stays for good: a full collection would walk it again and again.
    gc.collect()
    gc.freeze()
    gc.enable()
    try:
        server.start([model])
    finally:
        if plane.keeper is not None:
            plane.keeper.close()


def _limits(flags: argparse.Namespace) -> Limits:
    return Limits(
        request_bytes=flags.max_request_bytes,
        concurrency=flags.max_concurrency,
        request_s=flags.request_timeout,
        idle_s=flags.timeout_keep_alive,
    )


def _surround(
    server: PredictorServer, desk: Desk, at: socket.socket | Post, flags: argparse.Namespace
) -> None:
    """Place what is ours around KServe's app, from the inside to the outside."""
    server.wrap(lambda stock: HotPath(stock, desk))
    if flags.fault_injection:
        server.wrap(FaultInjection)
    if isinstance(at, Post):
        gather = at.gather
        server.wrap(lambda inner: MetricsPage(inner, gather))
    if flags.enable_latency_logging:
        server.wrap(lambda inner: AccessLog(inner, sys.stderr))
    # A fault, and the log, must reach every request: then all of them take the long way.
    is_open = not (flags.fault_injection or flags.enable_latency_logging)
    server.receive_with(lane(desk, is_open))


def _sketch(server: PredictorServer, name: str, plane: DataPlane, at: socket.socket | Post) -> None:
    """Let the sketch of the traffic be asked for, over all workers."""
    collector, card = SketchCollector(plane.tally), plane.served.card
    served = Served(name, str(card.version), plane.served.reference)
    if isinstance(at, Post):
        at.sketches, gather = collector, at.gather
    else:

        async def gather() -> Report:
            return taken(collector)

    server.wrap(lambda inner: SketchPage(inner, served, gather))


def _collect(
    server: PredictorServer, name: str, plane: DataPlane, flags: argparse.Namespace
) -> None:
    """Keep what is answered for feedback, where somebody collects it, and take labels."""
    card, url = plane.served.card, feedback_url(flags)
    keeper, kept = None, flags.feedback or card.feedback
    if url and kept != "none":
        of = Model.of(url, name, str(card.version), card.signature.labels)
        keeper = plane.keeper = Keeper(of, gives_ids=kept == "all")
        REGISTRY.register(KeptCollector(keeper, name))
    labels = card.signature.labels
    server.wrap(lambda inner: FeedbackPage(inner, name, keeper, labels))


class PredictorServer(ModelServer):  # type: ignore[misc]
    """One process at a socket or a post, with ASGI callables of ours around KServe's app."""

    def __init__(self, at: socket.socket | Post, host: str, **options: Any) -> None:
        # KServe reads --workers as well, and would start its own.
        super().__init__(workers=1, **options)
        self._at, self._host = at, host
        self._grpc_server: Any
        self.dataplane.decode = forgiving(self.dataplane.decode)
        self._wraps: list[Callable[[ASGIApp], ASGIApp]] = []
        self._protocol: Any = "httptools"
        # As uvicorn does for access_log=False, which KServe does not pass on.
        access = logging.getLogger("uvicorn.access")
        access.handlers, access.propagate = [], False
        trace.setLevel(logging.WARNING)
        logger.addFilter(_is_news)
        # KServe answers with it, once a route and process.
        warnings.filterwarnings("ignore", message="ORJSONResponse is deprecated")
        # Pillow's, about files that are odd: each would be a line, as often as a client likes.
        warnings.filterwarnings("ignore", module="PIL")
        # A sum of squares that overflows only says that each cell must be looked at.
        warnings.filterwarnings(
            "ignore", message="(overflow|invalid value) encountered in (dot|cast)"
        )

    def wrap(self, around: Callable[[ASGIApp], ASGIApp]) -> None:
        """Place an app around KServe's and those that were placed before."""
        self._wraps.append(around)

    def receive_with(self, protocol: Callable[..., asyncio.Protocol]) -> None:
        """Let `protocol` make what receives the bytes of each connection, instead of uvicorn."""
        self._protocol = protocol

    def setup_event_loop(self) -> None:
        """Make `asyncio.run` take uvloop; KServe sets up a loop that is then thrown away."""
        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())

    def stop(self, sig: int) -> None:
        """Stop, also while starting: there KServe would unload the model and live on."""
        if not self._rest_server._server.started:
            sys.exit(0)
        super().stop(sig)

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self.default_exception_handler)
        logger.info("event loop %s", type(loop).__module__)
        stock, *others = self.servers
        # KServe's own start would bind 0.0.0.0; the steps below are the same, on our socket.
        stock.close()
        rest = self._rest_server
        rest.create_application()
        for kind in STATUS:
            app.add_exception_handler(kind, _refused)
        rest.config.app = reduce(lambda inner, around: around(inner), self._wraps, app)
        rest.config.http = self._protocol
        # It would rewrite the client's address for a log that is off, in a twentieth of our time.
        rest.config.proxy_headers = False
        await asyncio.gather(*_serving(rest._server, self._at), *self._by_grpc(others))

    def _by_grpc(self, stock: list[Coroutine[Any, Any, None]]) -> list[Coroutine[Any, Any, None]]:
        """Return what serves gRPC, where that is asked for: KServe's own binds all addresses."""
        for each in stock:
            each.close()
        if self._grpc_server is None:
            return []
        self._grpc_server = GrpcDoor(self._grpc_server, self._host)
        return [self._grpc_server.start(self.max_threads)]


def _describe(name: str, plane: DataPlane, golden: Golden) -> None:
    """Let `/docs` show the model's own schema; KServe's routes are known when it is asked for."""
    stock = app.openapi
    app.openapi = cache(lambda: document(stock(), name, plane, golden))


def _serving(server: uvicorn.Server, at: socket.socket | Post) -> list[Awaitable[None]]:
    if isinstance(at, Post):
        return [server.serve(sockets=[]), at.attend(server)]
    return [server.serve(sockets=[at])]


def _is_news(record: logging.LogRecord) -> bool:
    """Say no to KServe's line for each gRPC request, and to its traceback for each wrong one."""
    return record.module != "interceptors" or str(record.msg).startswith("Internal")


async def _refused(_: Request, error: Exception) -> JSONResponse:
    """Answer what a client got wrong, as KServe does."""
    logger.debug("refused: %s", error)
    status = next(code for kind, code in STATUS.items() if isinstance(error, kind))
    return JSONResponse(status_code=status, content={"error": str(error)})
