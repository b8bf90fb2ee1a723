"""The express lane and uvicorn's own way: the same bytes in give the same bytes out."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
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
    "V1 that says it is not compressed": request(V1, flowers(), "content-encoding: identity"),
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


@pytest.mark.parametrize("name", REQUESTS)
def test_whatever_is_asked_both_ways_say_the_same(iris_model_dir: Path, name: str) -> None:
    quick, slow = run(partial(both, iris_model_dir, REQUESTS[name] + LAST))
    assert quick == slow
    assert quick[0][0] in (100, 200, 299, 400, 404, 413, 415)


def test_the_usual_request_needs_no_task(iris_model_dir: Path) -> None:
    async def story() -> tuple[int, int]:
        async with serving(iris_model_dir) as served:
            loop = asyncio.get_running_loop()
            made: list[Any] = []
            loop.set_task_factory(lambda loop, coro, **k: made.append(coro) or asyncio.Task(coro))
            usual = [REQUESTS[name] for name in ("V1", "V2", "V2 in bytes", "V1 that closes")]
            await said(served.port, b"".join(usual))
            before = sum("run_asgi" in coro.__qualname__ for coro in made)
            await said(served.port, REQUESTS["V1 in a chunk"] + LAST)
            return before, sum("run_asgi" in coro.__qualname__ for coro in made)

    assert run(story) == (0, 2)


def test_pipelined_requests_are_answered_in_their_order(iris_model_dir: Path) -> None:
    names = [
        "V1", "V1 of so many rows that a thread answers", "V2", "another address", "V1 in a chunk",
        "V1 beyond what the lane takes", "V2 in bytes", "V1 with a wrong cell", "V1",
    ]  # fmt: skip
    quick, slow = run(partial(both, iris_model_dir, b"".join(REQUESTS[n] for n in names) + LAST))
    assert quick == slow
    assert [status for status, _, _ in quick] == [200, 200, 200, 299, 200, 200, 200, 400, 200, 299]


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, 10_000), max_size=8))
def test_it_does_not_matter_where_the_bytes_are_cut(iris_model_dir: Path, cuts: list[int]) -> None:
    names = [
        "V1",
        "V2 in bytes",
        "V1 in a chunk",
        "V2",
        "another address",
        "V1 of two hundred rows",
    ]
    whole = b"".join(REQUESTS[name] for name in names) + LAST
    places = [0, *sorted(cut % len(whole) for cut in cuts), len(whole)]
    parts = [whole[a:b] for a, b in pairwise(places) if a < b]

    async def story() -> tuple[list[Any], list[Any]]:
        async with serving(iris_model_dir) as served:
            at_once = answers(await said(served.port, whole))
            return at_once, answers(await said(served.port, *parts))

    at_once, in_parts = run(story)
    assert at_once == in_parts
    assert len(at_once) == len(names) + 1


@settings(max_examples=25, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([b"", b"POST ", REQUESTS["V1"][:60]]))
def test_garbage_is_refused_and_the_server_lives(
    iris_model_dir: Path, garbage: bytes, start: bytes
) -> None:
    async def story() -> bytes:
        async with serving(iris_model_dir, request_s=0.02, idle_s=0.02) as served:
            with suppress(ConnectionResetError):
                await said(served.port, start + garbage)
            # A busy machine takes longer than the server waits, now and then.
            for _ in range(50):
                with suppress(ConnectionResetError):
                    answer = await said(served.port, REQUESTS["V1 that closes"])
                    if answer.startswith(b"HTTP/1.1 200 OK"):
                        return answer
            return b"no answer"

    assert run(story).startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (REQUESTS["V1"][:10], 408),
        (REQUESTS["V1"][:-3], 408),
        (REQUESTS["V1 beyond what the lane takes"][:-3], 408),
        (REQUESTS["V1 in a chunk"][:-3], 408),
        (REQUESTS["V1"] + REQUESTS["V1"][:-3], 408),
        (b"", None),
        (REQUESTS["V1"], 200),
    ],
)
def test_a_request_that_does_not_come_on_ends_the_connection(
    iris_model_dir: Path, sent: bytes, status: int | None
) -> None:
    async def story() -> bytes:
        async with serving(iris_model_dir, request_s=0.15, idle_s=0.15) as served:
            return await said(served.port, sent)

    found = answers(run(story))
    assert [status for status, _, _ in found][-1:] == [status] * (status is not None)
    if status == 408:
        assert found[-1][1]["connection"] == "close"
        assert json.loads(found[-1][2])["error"] == (
            "The request was not whole within 0.15 s; send it again."
        )


def test_a_slow_answer_is_not_idleness(iris_model_dir: Path) -> None:
    async def story() -> bytes:
        async with serving(iris_model_dir, request_s=0.05, idle_s=0.05) as served:

            async def slowly(cells: Any) -> Any:
                await asyncio.sleep(0.4)
                return served.plane.served.answer(cells)

            served.plane.answer = slowly  # type: ignore[method-assign]
            return await said(served.port, REQUESTS["V1 of so many rows that a thread answers"])

    assert answers(run(story))[0][0] == 200


def test_a_server_that_leaves_answers_what_is_on_its_way(iris_model_dir: Path) -> None:
    whole = REQUESTS["V1"]

    async def story() -> list[bytes]:
        async with serving(iris_model_dir) as served:
            streams = [await asyncio.open_connection("127.0.0.1", served.port) for _ in range(3)]
            _, half, late = streams
            half[1].write(whole[:-9])
            await asyncio.sleep(0.05)
            leaving = asyncio.create_task(served.server.shutdown([served.listener]))
            await asyncio.sleep(0.2)
            half[1].write(whole[-9:])
            late[1].write(whole)
            said = [await asyncio.wait_for(reader.read(), 5) for reader, _ in streams]
            await leaving
            return said

    idle, half, late = run(story)
    assert idle == b""
    for answer in (half, late):
        status, headers, _ = answers(answer)[0]
        assert (status, headers["connection"]) == (200, "close")


def test_a_client_that_does_not_read_is_not_read_from(iris_model_dir: Path) -> None:
    async def story() -> bool:
        async with serving(iris_model_dir) as served:
            _, writer = await asyncio.open_connection("127.0.0.1", served.port)
            try:
                for _ in range(2000):
                    writer.write(REQUESTS["V1 of two hundred rows"] * 8)
                    await asyncio.wait_for(writer.drain(), 1)
            except TimeoutError:
                return True
            finally:
                writer.transport.abort()
            return False

    assert run(story)


def test_a_mistake_of_ours_is_logged_by_uvicorn_and_answered_with_500(
    iris_model_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> bytes:
        async with serving(iris_model_dir) as served:

            def broken(cells: Any) -> Any:
                raise ZeroDivisionError("nobody expected this")

            served.plane.now = broken  # type: ignore[method-assign]
            return await said(served.port, REQUESTS["V1"])

    assert run(story).startswith(b"HTTP/1.1 500 ")
    assert re.search("nobody expected this", caplog.text)


def test_requests_are_counted_once_whichever_way_they_went(iris_model_dir: Path) -> None:
    async def story() -> dict[str, dict[int, int]]:
        async with serving(iris_model_dir) as served:
            whole = [
                *(REQUESTS[n] for n in ("V1", "V1 in a chunk", "V1 with a wrong cell", "V2")),
                REQUESTS["V1 of so many rows that a thread answers"],
            ]
            await said(served.port, b"".join(whole) + LAST)
            tally = served.plane.tally
            assert tally.running == 0
            return {name: protocol.codes for name, protocol in tally.protocols.items()}

    assert run(story) == {"v1": {200: 3, 400: 1}, "v2": {200: 1}}


def test_the_lane_takes_bodies_up_to_its_limit(iris_model_dir: Path) -> None:
    assert express.LONGEST in express._LENGTHS
    assert express.LONGEST + 1 not in express._LENGTHS
    assert -1 not in express._LENGTHS


def test_the_limit_of_concurrency_holds_whichever_way_a_request_goes(iris_model_dir: Path) -> None:
    async def story() -> list[int]:
        async with serving(iris_model_dir, concurrency=1) as served:
            free = asyncio.Event()

            async def slowly(cells: Any) -> Any:
                await free.wait()
                return served.plane.served.answer(cells)

            served.plane.answer = slowly  # type: ignore[method-assign]
            slow = REQUESTS["V1 of so many rows that a thread answers"]
            first = asyncio.create_task(said(served.port, slow + LAST))
            while not served.plane.tally.running:
                await asyncio.sleep(0.001)
            refused = [
                answers(await said(served.port, REQUESTS[name] + LAST))[0][0]
                for name in ("V1", "V1 in a chunk")
            ]
            free.set()
            return [*refused, answers(await first)[0][0]]

    assert run(story) == [503, 503, 200]
