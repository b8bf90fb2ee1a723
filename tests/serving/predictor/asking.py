"""The predictor's ASGI app in this process: no socket, no KServe."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Container
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from serving.card import Batching
from serving.predictor.desk import Desk, Limits
from serving.predictor.hot_path import HotPath
from serving.predictor.image_plane import plane_type
from serving.predictor.outputs import OUTPUTS, Outputs
from serving.predictor.served import load
from tests.serving.predictor.running import tensor


class Given(NamedTuple):
    """An answer: status, headers by name, body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class App:
    """The hot path for the model `m`; whatever it passes on is answered with 299 and the body.

    A body is bytes, a list of bytes (its parts), or anything else: then it is sent as JSON.
    """

    def __init__(
        self,
        directory: Path,
        limits: Limits | None = None,
        loaded: Container[str] = ("m",),
        batching: Batching | None = None,
        outputs: Outputs = OUTPUTS,
    ) -> None:
        self.seconds: list[float] = []
        served = load(directory)
        self.plane = plane_type(served)(served, self.seconds.append, batching, outputs)
        self.path = HotPath(self._stock, Desk(("m", self.plane), loaded, limits or Limits()))

    def v1(self, body: Any, **headers: str) -> Given:
        return self.ask("/v1/models/m:predict", body, headers)

    def v2(self, body: Any, **headers: str) -> Given:
        return self.ask("/v2/models/m/infer", body, headers)

    def ask(
        self, path: str, body: Any, headers: dict[str, str] | None = None, method: str = "POST"
    ) -> Given:
        return asyncio.run(self.answer(path, body, headers or {}, method))

    async def answer(
        self, path: str, body: Any, headers: dict[str, str], method: str = "POST"
    ) -> Given:
        sent: list[Any] = []
        if not isinstance(body, list) or not isinstance(body[0], bytes):
            body = [body if isinstance(body, bytes) else json.dumps(body).encode()]
        waiting = [*body]

        async def receive() -> dict[str, Any]:
            if not waiting:
                return {"type": "http.disconnect"}
            part = waiting.pop(0)
            return {"type": "http.request", "body": part, "more_body": bool(waiting)}

        async def send(message: Any) -> None:
            sent.append(message)

        named = [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
        scope = {"type": "http", "method": method, "path": path, "headers": named}
        await self.path(scope, receive, send)
        start, content = sent
        got = {k.decode(): v.decode() for k, v in start["headers"]}
        assert int(got["content-length"]) == len(content["body"])
        return Given(start["status"], got, content["body"])

    async def _stock(self, scope: Any, receive: Any, send: Any) -> None:
        body = (await receive())["body"]
        length = (b"content-length", b"%d" % len(body))
        await send({"type": "http.response.start", "status": 299, "headers": [length]})
        await send({"type": "http.response.body", "body": body})


def matrix(rows: Any, **more: Any) -> dict[str, Any]:
    """A V2 body with all columns in one FP32 input."""
    array = np.array(rows, np.float32)
    return {"inputs": [tensor("x", "FP32", array.ravel().tolist(), [*array.shape])], **more}


def unpacked(answer: Any) -> dict[str, Any]:
    """The outputs of an answer by name; what came as bytes is read by the specification."""
    length = int(answer.headers.get("inference-header-content-length", len(answer.body)))
    raw, outputs = answer.body[length:], {}
    for output in json.loads(answer.body[:length])["outputs"]:
        size = (output["parameters"] or {}).get("binary_data_size")
        if size is None:
            outputs[output["name"]] = output["data"]
            continue
        mine, raw = raw[:size], raw[size:]
        if output["datatype"] == "BYTES":
            cells = []
            while mine:
                (n,) = struct.unpack("<I", mine[:4])
                cells, mine = [*cells, mine[4 : 4 + n].decode()], mine[4 + n :]
            outputs[output["name"]] = cells
        else:
            code = {"FP32": "f", "INT64": "q"}[output["datatype"]]
            outputs[output["name"]] = [
                *struct.unpack(f"<{size // struct.calcsize(code)}{code}", mine)
            ]
    assert raw == b""
    return outputs


def binary(size: int, given: bytes, length: str | None = None) -> tuple[bytes, dict[str, str]]:
    """A V2 body of one row that says `size` bytes and has those given, with the header of it."""
    head = {
        "name": "x",
        "datatype": "FP32",
        "shape": [1, 4],
        "parameters": {"binary_data_size": size},
    }
    text = json.dumps({"inputs": [head]}).encode()
    return text + given, {"inference_header_content_length": length or str(len(text))}
