"""A server with and without the express lane, requests as bytes, and what came back of them."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from uvicorn import Config, Server

from serving.predictor import express
from serving.predictor.dataplane import DataPlane
from serving.predictor.desk import Desk, Limits
from serving.predictor.hot_path import HotPath
from serving.predictor.served import load

V1, V2 = "/v1/models/m:predict", "/v2/models/m/infer"
FLOWER = [5.1, 3.5, 1.4, 0.2]
RAW = np.array([FLOWER], "<f4").tobytes()
BINARY_HEAD = json.dumps(
    {
        "id": "7",
        "inputs": [
            {
                "name": "x",
                "datatype": "FP32",
                "shape": [1, 4],
                "parameters": {"binary_data_size": len(RAW)},
            }
        ],
    }
).encode()


def request(
    path: str, body: Any, *headers: str, method: str = "POST", version: str = "1.1"
) -> bytes:
    """A whole request; a body that is not bytes goes as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/{version}", "host: h", f"content-length: {len(data)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + data


def flowers(rows: int = 1) -> dict[str, Any]:
    return {"instances": [FLOWER] * rows}


def matrix(rows: int = 1, **more: Any) -> dict[str, Any]:
    tensor = {"name": "x", "datatype": "FP32", "shape": [rows, 4], "data": FLOWER * rows}
    return {"id": "7", "inputs": [tensor], **more}


def chunked(body: bytes) -> bytes:
    head = b"POST %b HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n" % V1.encode()
    return head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


BINARY = f"inference-header-content-length: {len(BINARY_HEAD)}"
EVENT = {
    "specversion": "1.0", "type": "t", "source": "s", "id": "1", "time": "t", "data": flowers(),
}  # fmt: skip
REQUESTS = {
    "V1": request(V1, flowers()),
    "V1 with a request id": request(V1, flowers(), "X-Request-Id: mine"),
    "V1 with an id that is no word": request(V1, flowers(), "x-request-id: \xff\t"),
    "V1 of two hundred rows": request(V1, flowers(200)),
    "V1 of so many rows that a thread answers": request(V1, flowers(300)),
    "V1 beyond what the lane takes": request(V1, flowers(4000)),
    "V1 with a query": request(V1 + "?a=b", flowers()),
    "V1 with an escaped address": request("/v1/models/%6d:predict", flowers()),
    "V1 in a chunk": chunked(json.dumps(flowers()).encode()),
    "V1 over HTTP/1.0": request(V1, flowers(), version="1.0"),
    "V1 that closes": request(V1, flowers(), "connection: close"),
    "V1 that waits for leave": request(V1, flowers(), "expect: 100-continue"),
    "V1 that is compressed": request(V1, b"\x1f\x8b", "Content-Encoding: gzip"),
    "V1 that says it is not compressed": request(V1, flowers(), "content-encoding: Identity"),
    "V1 as a CloudEvent by header": request(V1, flowers(), "ce-specversion: 1.0"),
    "V1 as a CloudEvent by body": request(V1, EVENT),
    "V1 that is no JSON": request(V1, b"{"),
    "V1 without a body": request(V1, b""),
    "V1 with a wrong cell": request(V1, {"instances": [[1, 2, 3, "x"]]}),
    "V1 beyond the limit": request(V1, b" " * 200_001),
    "V2": request(V2, matrix()),
    "V2 that wants bytes": request(V2, matrix(parameters={"binary_data_output": True})),
    "V2 in bytes": request(V2, BINARY_HEAD + RAW, BINARY),
    "V2 in bytes that are too few": request(V2, BINARY_HEAD + RAW[1:], BINARY),
    "V2 in bytes without their length": request(
        V2, b"\0" * 9, "content-type: application/octet-stream"
    ),
    "another method": request(V1, b"", method="GET"),
    "another address": request("/v2", b"", method="GET"),
    "another model": request("/v1/models/other:predict", flowers()),
}


class Served(NamedTuple):
    """A server on the running loop, and what it knows."""

    listener: socket.socket
    server: Server
    plane: DataPlane

    @property
    def port(self) -> int:
        port: int = self.listener.getsockname()[1]
        return port


async def stock(scope: Any, receive: Any, send: Any) -> None:
    """What stands behind the hot path here: says how it was asked."""
    body = (await receive())["body"]
    text = f"{scope['method']} {scope['path']} {len(body)}".encode()
    length = (b"content-length", b"%d" % len(text))
    await send({"type": "http.response.start", "status": 299, "headers": [length]})
    await send({"type": "http.response.body", "body": text})


@asynccontextmanager
async def serving(directory: Path, lane: bool = True, **limits: float) -> AsyncIterator[Served]:
    plane = DataPlane(load(directory), lambda _: None)
    allowed = Limits(**{"request_bytes": 200_000, **limits})  # type: ignore[arg-type]
    desk = Desk(("m", plane), ("m",), allowed)
    http: Any = express.lane(desk) if lane else "httptools"
    config = Config(HotPath(stock, desk), http=http, log_config=None, lifespan="off")
    config.access_log = False
    config.load()
    server = Server(config)
    # What its `serve` does, but for signals and the wait for the next tick.
    server.lifespan = config.lifespan_class(config)
    listener = socket.create_server(("127.0.0.1", 0))
    await server.startup([listener])
    await server.on_tick(0)
    try:
        yield Served(listener, server, plane)
    finally:
        for each in server.servers:
            each.close()
        for connection in [*server.server_state.connections]:
            connection.transport.abort()  # type: ignore[union-attr]


async def said(port: int, *parts: bytes) -> bytes:
    """Everything that comes back to these parts, until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for part in parts:
        writer.write(part)
        await asyncio.sleep(0)
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return answer


LAST = request("/v2", b"", "connection: close", method="GET")


def answers(raw: bytes) -> list[tuple[int, dict[str, str], bytes]]:
    """The answers in a stream, one after another."""
    found = []
    while raw:
        head, _, raw = raw.partition(b"\r\n\r\n")
        status, *lines = head.decode("latin-1").split("\r\n")
        headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}
        length = int(headers.get("content-length", 0))
        headers.pop("date", None)
        found.append((int(status.split()[1]), headers, raw[:length]))
        raw = raw[length:]
    return found


def run(story: Callable[[], Awaitable[Any]]) -> Any:
    return asyncio.run(story())  # type: ignore[arg-type]


async def both(directory: Path, *parts: bytes) -> tuple[list[Any], list[Any]]:
    async with serving(directory) as quick, serving(directory, lane=False) as slow:
        return answers(await said(quick.port, *parts)), answers(await said(slow.port, *parts))
