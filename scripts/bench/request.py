"""Where each microsecond of a prediction goes: `make bench-request MODEL=<model directory>`.

One request of one row is taken apart in this process: the whole of it through the very protocol
that a connection has, then its parts for themselves. A part is the best of many rounds, so that
what else the machine does hardly counts. What the kernel and the event loop add (two system calls
a request) is not in it; `make bench-serving` measures that.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from scripts.bench.measuring import report
from serving.errors import KanaryaError, UsageError
from serving.signature import MISSING

ROUNDS, CALLS = 60, 500
TYPES = {"number": "FP64", "integer": "INT64", "boolean": "BOOL", "text": "BYTES"}


class Asked(NamedTuple):
    """One request: its address, its headers, its body."""

    path: str
    headers: dict[bytes, bytes]
    body: bytes

    def raw(self) -> bytes:
        """Return the bytes that a client sends."""
        lines = [f"POST {self.path} HTTP/1.1".encode(), b"host: 127.0.0.1:8080"]
        lines += [b"%b: %b" % header for header in self.headers.items()]
        lines.append(b"content-length: %d" % len(self.body))
        return b"\r\n".join([*lines, b"", self.body])


def main(arguments: list[str]) -> int:
    """Print a table and the line of JSON; return the exit code."""
    try:
        if len(arguments) != 1:
            raise UsageError("Name one published model directory: make bench-request MODEL=…")
        figures = asyncio.run(measured(Path(arguments[0])))
    except KanaryaError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    report("request", {}, figures)
    return 0


async def measured(directory: Path) -> dict[str, float]:
    """Return the microseconds of every part, by protocol."""
    from serving.predictor.dataplane import DataPlane
    from serving.predictor.desk import Desk, Limits
    from serving.predictor.metrics import stock_histogram
    from serving.predictor.served import load

    plane = DataPlane(load(directory), stock_histogram("m"))
    desk = Desk(("m", plane), ("m",), Limits())
    figures = {}
    for name, request in requests(directory):
        for part, microseconds in _parts(desk, plane, request):
            figures[f"{name}: {part} µs"] = round(microseconds, 2)
    return figures


def requests(directory: Path) -> Iterator[tuple[str, Asked]]:
    """Return the first golden row as a request of each protocol."""
    from serving.artifact import read_card, read_golden

    inputs = read_card(directory).signature.inputs
    golden = read_golden(directory).columns
    cells = {column.name: _cell(golden[column.name][0, 0], column.kind) for column in inputs}
    yield "V1", _json("/v1/models/m:predict", {"instances": [list(cells.values())]})
    if any(column.kind == "text" for column in inputs):
        tensors = [_tensor(c.name, TYPES[c.kind], [cells[c.name]], [1]) for c in inputs]
    else:
        tensors = [_tensor("x", "FP64", list(cells.values()), [1, len(cells)])]
        yield "V2 binary", _binary(np.array([*cells.values()], float).astype("<f8"))
    yield "V2 JSON", _json("/v2/models/m/infer", {"inputs": tensors})


def _cell(value: Any, kind: str) -> object:
    if kind == "text":
        return None if value == MISSING else str(value)
    if np.isnan(value):
        return None
    return bool(value) if kind == "boolean" else int(value) if kind == "integer" else float(value)


def _tensor(name: str, datatype: str, data: list[object], shape: list[int]) -> dict[str, object]:
    return {"name": name, "datatype": datatype, "shape": shape, "data": data}


def _json(path: str, value: object) -> Asked:
    body = json.dumps(value, separators=(",", ":")).encode()
    return Asked(path, {b"content-type": b"application/json"}, body)


def _binary(row: np.ndarray) -> Asked:
    raw = row.tobytes()
    tensor = {
        "name": "x",
        "datatype": "FP64",
        "shape": [1, len(row)],
        "parameters": {"binary_data_size": len(raw)},
    }
    head = json.dumps({"inputs": [tensor]}, separators=(",", ":")).encode()
    headers = {
        b"content-type": b"application/octet-stream",
        b"inference-header-content-length": b"%d" % len(head),
    }
    return Asked("/v2/models/m/infer", headers, head + raw)


def _parts(desk: Any, plane: Any, request: Asked) -> Iterator[tuple[str, float]]:
    """Return the parts that add up to the whole, and the whole."""
    import orjson

    route, given, body = desk.routes[request.path], request.headers, request.body
    cells, wish = route.decode(body, given)
    answer = plane.served.answer(cells)
    text = body[: int(given.get(b"inference-header-content-length", len(body)))]
    raw, receive = request.raw(), _receiver(desk)
    took = _best(
        {
            "whole": lambda: receive(raw),
            "parse": lambda: orjson.loads(text),
            "decode": lambda: route.decode(body, given),
            "infer": lambda: plane.served.answer(cells),
            "count": lambda: plane.now(cells),
            "encode": lambda: route.encode(answer, wish),
        }
    )
    yield "parse the JSON", took["parse"]
    yield "check it against the signature, make the matrix", took["decode"] - took["parse"]
    yield "ONNX Runtime", took["infer"]
    yield "count classes, ranges, confidence, time", took["count"] - took["infer"]
    yield "write the answer", took["encode"]
    rest = took["whole"] - took["decode"] - took["count"] - took["encode"]
    yield "HTTP: head, request id, status line", rest
    yield "all of it", took["whole"]


def _receiver(desk: Any) -> Callable[[bytes], None]:
    """Return what a connection does with the bytes it gets; its answers go nowhere."""
    from uvicorn import Config, Server

    from serving.predictor.express import lane

    config = Config(_unused, http="httptools", ws="none", interface="asgi3", log_config=None)
    config.load()
    state = Server(config).server_state
    state.default_headers = [(b"date", b"Sat, 21 Nov 2026 00:00:00 GMT"), (b"server", b"uvicorn")]
    loop = asyncio.get_running_loop()
    connection = lane(desk)(config=config, server_state=state, app_state={}, _loop=loop)
    connection.connection_made(_Nowhere())
    return connection.data_received


class _Nowhere(asyncio.Transport):
    """Takes everything; fails where something else than a 200 is said."""

    def write(self, data: Any) -> None:
        assert data.startswith(b"HTTP/1.1 200"), data[:200]

    def is_closing(self) -> bool:
        return False


async def _unused(scope: Any, receive: Any, send: Any) -> None:
    """Stand for the app: no request of these goes there."""


def _best(calls: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """Return the microseconds of each call in its quickest round; the calls take turns."""
    found = dict.fromkeys(calls, float("inf"))
    for _ in range(ROUNDS):
        for name, call in calls.items():
            began = perf_counter()
            for _ in range(CALLS):
                call()
            found[name] = min(found[name], (perf_counter() - began) / CALLS * 1e6)
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
