"""Bodies that are larger than what the gateway holds flow through it, at the slower one's pace."""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.serving.local.gateway_kit import (
    PATH,
    Seen,
    World,
    hang,
    request,
    running,
    until_closed,
    wait_for,
)

MIB = 1024 * 1024
Backend = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(params=["asyncio", "uvloop"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with running(request.param, drain_s=0.3) as made:
        yield made


@pytest.mark.parametrize("world", ["asyncio"], indirect=True)
def test_a_slow_reader_makes_the_backend_wait(world: World) -> None:
    """32 MiB are not held by anybody: the backend is stopped, then goes on to the end."""
    sent, piece, pieces = [0], b"0123456789abcdef" * 65536, 32

    async def pour(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (len(piece) * pieces))
        for _ in range(pieces):
            writer.write(piece)
            await writer.drain()
            sent[0] += len(piece)

    world.one(pour)
    client = world.client()
    client.connect()
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    client.request("GET", PATH)
    wait_for(lambda: stands_still(lambda: sent[0]), "the backend is stopped")
    assert 0 < sent[0] < 24 * MIB
    digest, response = hashlib.sha256(), client.getresponse()
    while part := response.read(MIB):
        digest.update(part)
    assert digest.hexdigest() == hashlib.sha256(piece * pieces).hexdigest()
    client.close()


@pytest.mark.parametrize("world", ["uvloop"], indirect=True)
def test_a_slow_backend_makes_the_client_wait(world: World) -> None:
    backend = world.one()
    backend.unread = asyncio.Event()
    piece, pieces = b"0123456789abcdef" * 65536, 32
    with world.connect() as client:
        client.sendall(request(b"Content-Length: %d" % (len(piece) * pieces)))
        client.settimeout(0.2)
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < len(piece) * pieces:
                sent += client.send((piece * 2)[sent % MIB :][:MIB])
        assert 0 < sent < 24 * MIB
        client.settimeout(10)
        world.call(backend.unread.set)
        client.sendall((piece * pieces)[sent:])
        assert until_closed(client).endswith(b"{}")
    assert hashlib.sha256(backend.seen[0].body).digest() == hashlib.sha256(piece * pieces).digest()


def stands_still(value: Callable[[], int]) -> bool:
    """Whether a counter that had begun has not moved during a fifth of a second."""
    before = value()
    quiet, _ = socket.socketpair()
    with quiet:
        quiet.settimeout(0.2)
        with pytest.raises(TimeoutError):
            quiet.recv(1)
    return bool(before) and before == value()


@contextmanager
def half_uploaded(world: World, backend: Backend) -> Iterator[http.client.HTTPResponse]:
    """Lend the answer to a client that has sent 2 of 4 MiB to a backend of its own."""
    world.one()
    server = world.run(asyncio.start_server(backend, "127.0.0.1", 0))
    world.servers.append(server)
    world.address("r1", server.sockets[0].getsockname())
    with world.connect() as client:
        client.sendall(request(b"Content-Length: %d" % (4 * MIB), body=b"x" * (2 * MIB)))
        reply = http.client.HTTPResponse(client)
        reply.begin()
        yield reply


def test_an_answer_that_comes_before_the_upload_ends_is_passed_on(world: World) -> None:
    """Nobody else's request may follow on that connection: it would be taken for the upload."""
    left: list[asyncio.StreamWriter] = []

    async def early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Much\r\nContent-Length: 2\r\n\r\nno")
        while await reader.read(MIB):
            pass
        left.append(writer)

    with half_uploaded(world, early) as reply:
        assert (reply.status, reply.read()) == (413, b"no")
        wait_for(lambda: left, "the gateway left the connection")
        assert world.ask().status == 413


@pytest.mark.parametrize(
    ("answered", "status"),
    [(b"HTTP/1.1 408 Too Slow\r\nContent-Length: 2\r\n\r\nno", 408), (b"", 502)],
    ids=["answers", "goes away"],
)
def test_a_client_that_pauses_in_its_upload_hears_what_became_of_it(
    world: World, answered: bytes, status: int
) -> None:
    async def tired(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(2 * MIB)
        writer.write(answered)
        await writer.drain()
        writer.close()

    with half_uploaded(world, tired) as reply:
        assert reply.status == status


def test_nothing_is_lost_when_a_client_says_goodbye_early(world: World) -> None:
    """The gateway goes on serving others after a client left in the middle of its upload."""
    world.one(hang)
    with world.connect() as client:
        client.sendall(request(b"Content-Length: 100", body=b"only this"))
    world.one()
    assert world.ask().status == 200
