"""KServe's ModelServer on a socket of ours, with uvloop really running."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import socket
import sys
import warnings
from collections.abc import Awaitable, Callable
from typing import Any

import uvloop
from fastapi import Request
from fastapi.responses import JSONResponse
from kserve import ModelServer
from kserve.errors import InvalidInput, ModelNotFound, ModelNotReady
from kserve.model_server import app

from serving.predictor.faults import FaultInjection
from serving.predictor.model import PredictorModel
from serving.predictor.served import ServedModel

ASGIApp = Callable[..., Awaitable[None]]

STATUS: dict[type[Exception], int] = {InvalidInput: 400, ModelNotFound: 404, ModelNotReady: 503}
"""What KServe answers to these; with its own handlers each would put a traceback into the log."""

logger = logging.getLogger("kserve")


def serve(
    name: str, served: ServedModel, listener: socket.socket, flags: argparse.Namespace
) -> None:
    """Answer for `served` under `name` on `listener` until SIGTERM, then drain."""
    server = PredictorServer(
        listener,
        FaultInjection if flags.fault_injection else lambda stock: stock,
        http_port=flags.http_port,
        enable_grpc=flags.enable_grpc,
        enable_latency_logging=flags.enable_latency_logging,
    )
    model = PredictorModel(name, served)
    # What is loaded now stays for good: a full collection would walk it again and again.
    gc.collect()
    gc.freeze()
    gc.enable()
    server.start([model])


class PredictorServer(ModelServer):  # type: ignore[misc]
    """One worker on `listener`; `wrap` may place an ASGI callable of ours around KServe's app."""

    def __init__(
        self, listener: socket.socket, wrap: Callable[[ASGIApp], ASGIApp], **options: Any
    ) -> None:
        super().__init__(**options)
        self._listener = listener
        self._wrap = wrap
        # As uvicorn does for access_log=False, which KServe does not pass on.
        access = logging.getLogger("uvicorn.access")
        access.handlers, access.propagate = [], False
        if not self.enable_latency_logging:
            logging.getLogger("kserve.trace").setLevel(logging.WARNING)
        # KServe answers with it, once a route and process.
        warnings.filterwarnings("ignore", message="ORJSONResponse is deprecated")

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
        rest.config.app = self._wrap(app)
        await asyncio.gather(rest._server.serve(sockets=[self._listener]), *others)


async def _refused(_: Request, error: Exception) -> JSONResponse:
    """Answer what a client got wrong, as KServe does."""
    logger.debug("refused: %s", error)
    status = next(code for kind, code in STATUS.items() if isinstance(error, kind))
    return JSONResponse(status_code=status, content={"error": str(error)})
