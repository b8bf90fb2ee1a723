"""An answer reaches the client as the backend gave it, byte for byte."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator

import pytest

from tests.serving.local.gateway_kit import (
    PATH,
    Seen,
    World,
    ok,
    read,
    request,
    running,
    then_close,
    wait_for,
)

MIB = 1024 * 1024


@pytest.fixture(params=["asyncio", "uvloop"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with running(request.param, drain_s=0.3) as made:
        yield made


ADDED = b"kanarya-revision: r1\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    ("answered", "received"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", None),
        (
            b"HTTP/1.1 200 Ok  Fine\r\nSet-Cookie: 1\r\nset-cookie: 2\r\nContent-Length: 0\r\n\r\n",
            None,
        ),
        (b"HTTP/1.1 201 Made\r\nX: caf\xe9\r\nY: \r\nContent-Length: 1\r\n\r\n\xff", None),
        (b"HTTP/1.1 418 \r\nContent-Length: 0\r\n\r\n", None),
        (b'HTTP/1.1 500 Oh\r\nContent-Length: 15\r\n\r\n{"error": "no"}', None),
        (b"HTTP/1.1 302 Found\r\nLocation: //other/x\r\nContent-Length: 0\r\n\r\n", None),
        (b"HTTP/1.1 204 No Content\r\nX: 1\r\n\r\n", None),
        (b'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 99\r\n\r\n', None),
        (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\x8b\x01",
            None,
        ),
        (
            b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + ADDED + b"ok",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nkanarya-revision: r1\r\nTransfer-Encoding: chunked\r\n"
            b"Connection: close\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        ),
        (
            b"HTTP/1.1 200 OK\r\nKanarya-Revision: forged\r\nConnection: close, X-Hop\r\n"
            b"X-Hop: 1\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" + ADDED,
        ),
    ],
)
def test_an_answer_is_passed_on_as_it_is(
    world: World, answered: bytes, received: bytes | None
) -> None:
    world.one(answered)
    head, _, body = answered.partition(b"\r\n\r\n")
    assert world.raw(request()) == (received or head + b"\r\n" + ADDED + body)


@pytest.mark.parametrize(
    ("target", "location", "received"),
    [
        (PATH, b"/v2", b"/serving/default/iris/v2"),
        (PATH, b"http://127.0.0.1/v2?x=1", b"http://127.0.0.1/serving/default/iris/v2?x=1"),
        (PATH, b"http://elsewhere/v2", b"http://elsewhere/v2"),
        (PATH, b"v2", b"v2"),
        ("/v2/", b"/v2", b"/v2"),
    ],
)
def test_a_client_that_is_sent_on_finds_its_way_below_the_gateways_path(
    world: World, target: str, location: bytes, received: bytes
) -> None:
    world.one(b"HTTP/1.1 307 X\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n" % location)
    host = "127.0.0.1" if target == PATH else "iris.default.example.com"
    sent = f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    assert b"\r\nLocation: %b\r\n" % received in world.raw(sent.encode())


def test_an_answer_that_ends_with_the_connection_is_whole(world: World) -> None:
    backend = world.one(then_close(b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * 100_000))
    assert world.ask().body == b"x" * 100_000
    assert backend.connections == 1
    wait_for(lambda: not backend.open_connections, "nothing is kept of it")


def test_a_head_answer_has_a_length_and_no_body_and_the_connection_goes_on(world: World) -> None:
    backend = world.one(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n")
    client = world.client()
    for _ in range(2):
        client.request("HEAD", "/serving/default/iris/v2")
        answer = read(client)
        assert (answer.header("content-length"), answer.body) == ("500", b"")
    client.close()
    assert backend.connections == 1


def test_an_old_client_gets_no_chunks(world: World) -> None:
    world.one(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
    )
    got = world.raw(b"GET " + PATH.encode() + b" HTTP/1.0\r\n\r\n")
    assert got == b"HTTP/1.1 200 OK\r\n" + ADDED + b"abc"


def test_an_old_client_may_keep_its_connection(world: World) -> None:
    world.one()
    with world.connect() as client:
        for _ in range(2):
            client.sendall(b"GET " + PATH.encode() + b" HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            got = client.recv(1000)
            assert b"Connection: keep-alive\r\n" in got
            assert got.endswith(b"{}")


def test_pipelined_requests_are_answered_in_order(world: World) -> None:
    async def echo(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(ok(seen.body))

    world.one(echo)
    bodies = [b"%d" % number for number in range(30)]
    sent = [request(b"Content-Length: %d" % len(b), body=b, close=False) for b in bodies]
    got = world.raw(b"".join(sent) + request(method=b"GET"))
    assert re.findall(rb"\r\n\r\n(\d+)HTTP", got) == bodies


def test_a_streamed_answer_comes_piece_by_piece(world: World) -> None:
    go_on = asyncio.Event()

    async def two_pieces(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n")
        await go_on.wait()
        writer.write(b"2\r\ncd\r\n0\r\n\r\n")

    world.one(two_pieces)
    client = world.client()
    client.request("POST", PATH, b"{}")
    response = client.getresponse()
    assert response.read(2) == b"ab"
    world.call(go_on.set)
    assert response.read() == b"cd"
    client.close()
