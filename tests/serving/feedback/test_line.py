"""The line from a predictor's event loop to the collector: real sockets, one connection."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import time

import numpy as np
import pytest

from serving.feedback.calling import CollectorError, call
from serving.feedback.keeping import Keeper, Model, Pace
from serving.feedback.line import Line
from tests.serving.feedback.collecting import collector

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
FIRST = np.array([[0.9, 0.1]], np.float32)


class Answering:
    """A server that answers each request with the next of `answers`, "" by hanging up."""

    def __init__(self, *answers: bytes) -> None:
        self.answers, self.connections, self.messages = [*answers], 0, list[bytes]()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                self.messages.append(await reader.readexactly(length))
                answer = self.answers.pop(0)
                if not answer:
                    break
                writer.write(answer)
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


def talked(server: Answering, talk: Callable[[Line], Awaitable[None]]) -> None:
    """Run a talk on a line to the server."""

    async def play() -> None:
        async with await asyncio.start_server(server, "127.0.0.1", 0) as there:
            host, port = there.sockets[0].getsockname()
            line = Line(f"http://{host}:{port}/ml/iris/predictions")
            try:
                async with asyncio.timeout(10):
                    await talk(line)
            finally:
                line.close()

    asyncio.run(play())


async def two(line: Line) -> None:
    await line.send(b"one")
    await line.send(b"two")


CLOSED = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
UNKNOWN = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    ("answers", "connections", "sent"),
    [
        ((OK, OK), 1, [b"one", b"two"]),
        ((CLOSED, OK), 2, [b"one", b"two"]),
        ((UNKNOWN, OK), 2, [b"one", b"two"]),
        ((OK, b"", OK), 2, [b"one", b"two", b"two"]),
    ],
    ids=["kept open", "closed by the collector", "of no known length", "broken off: once more"],
)
def test_messages_follow_each_other_on_one_connection_while_it_holds(
    answers: tuple[bytes, ...], connections: int, sent: list[bytes]
) -> None:
    server = Answering(*answers)
    talked(server, two)
    assert (server.connections, server.messages) == (connections, sent)


def refusal(status: int, body: bytes) -> bytes:
    return b"HTTP/1.1 %d Odd\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)


@pytest.mark.parametrize(
    ("answers", "status", "words"),
    [
        ((refusal(400, b'{"error": "no JSON"}'),), 400, "^no JSON$"),
        ((refusal(502, b"<html>"),), 502, "/ml/iris/predictions answers 502."),
        ((b"SSH-2.0-OpenSSH_9\r\n\r\n",), 503, "does not answer"),
        ((b"", b""), 503, "does not answer"),
        ((b"HTTP/1.1 200 OK\r\n" + b"a" * 70_000,), 503, "does not answer"),
    ],
    ids=["a sentence", "no sentence", "no HTTP", "gone twice", "a head without an end"],
)
def test_what_is_not_taken_is_told_in_a_sentence(
    answers: tuple[bytes, ...], status: int, words: str
) -> None:
    async def talk(line: Line) -> None:
        with pytest.raises(CollectorError, match=words) as refused:
            await line.send(b"one")
        assert refused.value.status == status

    talked(Answering(*answers), talk)


def test_where_nobody_listens_that_is_told() -> None:
    with pytest.raises(CollectorError, match="does not answer .*; try again"):
        asyncio.run(Line("http://127.0.0.1:1/ml/iris/predictions").send(b"one"))


def test_a_keeper_and_a_collector_understand_each_other(tmp_path: Path) -> None:
    with collector(tmp_path, time) as url:
        keeper = Keeper(Model.of(url, "iris", "3", ("x", "y")), pace=Pace(0.001, 0.001))

        async def play() -> None:
            for number in range(3):
                keeper.keep(f"{number}", FIRST)
                async with asyncio.timeout(10):
                    while keeper.kept <= number:
                        await asyncio.sleep(0.001)
            keeper.keep("last", FIRST)

        asyncio.run(play())
        keeper.close()
        assert call(f"{url}/iris")["versions"]["3"]["predictions"] == 4
    assert (keeper.kept, keeper.dropped) == (4, 0)
