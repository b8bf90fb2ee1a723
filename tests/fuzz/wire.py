"""The predictor's transports without a socket, before a model that costs nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
from uvicorn import Config
from uvicorn.server import ServerState

from serving.card import Card
from serving.predictor.dataplane import DataPlane
from serving.predictor.desk import Desk, Limits
from serving.predictor.express import lane
from serving.predictor.hot_path import HotPath
from serving.predictor.requests import Checked, count_rows
from serving.predictor.served import Answer
from serving.signature import Column, Signature, encode

LABELS = ("no", "yes")


class Model:
    """A served model that says "no" to every row; it takes the same cells as a real one."""

    reference = None

    def __init__(self, inputs: tuple[Column, ...]) -> None:
        self.card = Card(
            name="m",
            kind="none",
            signature=Signature(inputs, LABELS),
            data_sha256="",
            libraries={},
            metrics={},
            opset=18,
            created_at="",
            version="1",
        )

    def answer(self, cells: Checked) -> Answer:
        inputs, rows = self.card.signature.inputs, count_rows(cells)
        if not isinstance(cells, np.ndarray):
            cells = encode(inputs, cells)
            numbers = [cells[column.name] for column in inputs if column.kind != "text"]
            cells = np.concatenate(numbers, axis=1)
        return Answer(LABELS, cells, np.tile(np.array([[0.75, 0.25]], np.float32), (rows, 1)))


def plane(inputs: tuple[Column, ...]) -> DataPlane:
    return DataPlane(Model(inputs), lambda seconds: None)  # type: ignore[arg-type]


def servicer(inputs: tuple[Column, ...]) -> Any:
    """KServe's gRPC servicer with our model `m`, whatever name is asked for."""
    from kserve import ModelRepository
    from kserve.protocol.dataplane import DataPlane as Stock
    from kserve.protocol.grpc.servicer import InferenceServicer

    from serving.predictor.model import PredictorModel

    model = PredictorModel("m", plane(inputs))

    class Only(ModelRepository):  # type: ignore[misc]
        def get_model(self, name: str) -> Any:
            return model

    return InferenceServicer(Stock(Only()), None)


class Transport(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.is_closed = False

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Hand the connection on: a websocket's handshake is its library's own business."""
        self.is_closed = True

    def pause_reading(self) -> None:
        """Nothing comes by itself."""

    def resume_reading(self) -> None:
        """Nothing comes by itself."""


async def said(parts: list[bytes]) -> bytes:
    """Send the parts to the express lane, hang up, and return what was answered.

    Fails on a 5xx, and on what a task or a callback raised. Behind the lane are the hot path and
    an app that says 299.
    """
    failed: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failed.append(context))
    state, transport = ServerState(), Transport()
    protocol = _lane(state)
    protocol.connection_made(transport)
    for part in parts:
        if part and not transport.is_closed:
            protocol.data_received(part)
            for _ in range(4):
                await asyncio.sleep(0)
    protocol.connection_lost(None)
    while state.tasks:
        await asyncio.gather(*state.tasks)
    assert not failed, failed
    assert b"HTTP/1.1 5" not in transport.written, transport.written
    assert not transport.written or transport.written.startswith(b"HTTP/1.1 ")
    return transport.written


def _lane(state: ServerState) -> Any:
    inputs = (Column("a", "number"), Column("b", "integer", nullable=True))
    desk = Desk(("m", plane(inputs)), {"m"}, Limits(request_bytes=4096))
    config = Config(HotPath(stock, desk), log_config=None, lifespan="off")
    config.load()
    return lane(desk)(config=config, server_state=state, app_state={})


async def stock(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send(
        {"type": "http.response.start", "status": 299, "headers": [(b"content-length", b"0")]}
    )
    await send({"type": "http.response.body", "body": b""})
