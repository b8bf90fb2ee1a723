"""A gateway in a loop of its own, backends that do as they are told, and plain clients."""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import uvloop

from serving.local.gateway import Gateway, Route, Target

DEADLINE_S = 10.0
PREDICT = "/v1/models/iris:predict"
PATH = f"/serving/default/iris{PREDICT}"


@dataclass(frozen=True)
class Seen:
    """One request as it arrived at a backend, byte for byte."""

    head: bytes
    body: bytes
    connection: int

    @property
    def line(self) -> bytes:
        return self.head.split(b"\r\n")[0]

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        lines = self.head.split(b"\r\n")[1:]
        return [
            (name, value.strip()) for name, _, value in (each.partition(b":") for each in lines)
        ]

    def header(self, wanted: bytes) -> bytes | None:
        return next((value for name, value in self.headers if name.lower() == wanted), None)


Behaviour = Callable[[Seen, asyncio.StreamWriter], Awaitable[None]]


def answer(raw: bytes) -> Behaviour:
    """Answer with these bytes."""

    async def behave(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)

    return behave


def then_close(raw: bytes) -> Behaviour:
    """Answer with these bytes, which may be none, and close the connection."""

    async def behave(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        writer.close()

    return behave


async def reset(seen: Seen, writer: asyncio.StreamWriter) -> None:
    """Throw the connection away without a word."""
    writer.transport.abort()


async def hang(seen: Seen, writer: asyncio.StreamWriter) -> None:
    """Never answer."""


def ok(body: bytes = b"{}") -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


@dataclass
class Backend:
    """A server on a free port; it notes what it saw and who is connected."""

    behaviour: Behaviour
    seen: list[Seen] = field(default_factory=list)
    open_connections: int = 0
    connections: int = 0
    unread: asyncio.Event | None = None  # when set: bodies are not read until it is

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open_connections += 1
        number = self.connections
        try:
            await self._serve(reader, writer, number)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open_connections -= 1
            writer.close()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
    ) -> None:
        while not writer.is_closing():
            head = (await reader.readuntil(b"\r\n\r\n"))[:-4]
            if self.unread:
                await self.unread.wait()
            seen = Seen(head, await _body(head, reader), number)
            self.seen.append(seen)
            await self.behaviour(seen, writer)


async def _body(head: bytes, reader: asyncio.StreamReader) -> bytes:
    if found := re.search(rb"(?i)\r\ncontent-length: *(\d+)", head):
        return await reader.readexactly(int(found[1]))
    body = b""
    if re.search(rb"(?i)\r\ntransfer-encoding: *chunked", head):
        while size := int(await reader.readline(), 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readline()
    return body


@dataclass(frozen=True)
class Answer:
    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def revision(self) -> str | None:
        return self.header("kanarya-revision")

    def header(self, wanted: str) -> str | None:
        return next((value for name, value in self.headers if name.lower() == wanted), None)

    @property
    def error(self) -> str:
        return str(json.loads(self.body)["error"])


class World:
    """A running gateway and everything behind it, on an event loop in a thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.servers: list[asyncio.AbstractServer] = []
        self.port = 0
        self._thread = threading.Thread(target=loop.run_forever, daemon=True)
        self._thread.start()

    def begin(self, **settings: Any) -> None:
        self.gateway = self.call(lambda: Gateway(**settings))
        self.port = self.run(self.gateway.start("127.0.0.1", 0))

    def end(self) -> None:
        for server in self.servers:
            self.call(server.close)
        self.run(self.gateway.stop())
        self.run(_cancel_the_rest())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(DEADLINE_S)
        self.loop.close()

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self.spawn(coroutine).result(DEADLINE_S * 2)

    def spawn(self, coroutine: Coroutine[Any, Any, Any]) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        async def inside() -> Any:
            return function(*arguments)

        return self.run(inside())

    def backend(self, revision: str, behaviour: Behaviour | bytes = b"") -> Backend:
        if isinstance(behaviour, bytes):
            behaviour = answer(behaviour or ok())
        made = Backend(behaviour)
        server = self.run(asyncio.start_server(made.serve, "127.0.0.1", 0))
        self.servers.append(server)
        self.address(revision, server.sockets[0].getsockname())
        return made

    def address(self, revision: str, address: tuple[str, int] | None) -> None:
        self.call(self.gateway.set_backend, f"default/{revision}", address)

    def route(self, *targets: Target, stable: str | None = None, service: str = "iris") -> None:
        self.call(self.gateway.set_route, Route("default", service, targets, stable))

    def one(self, behaviour: Behaviour | bytes = b"") -> Backend:
        """Route everything to one revision, r1, that behaves like this."""
        made = self.backend("r1", behaviour)
        self.route(Target("r1", 100), stable="r1")
        return made

    def client(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_S)

    def ask(
        self, method: str = "POST", path: str = PREDICT, body: Any = b"{}", **headers: str
    ) -> Answer:
        """Ask the service iris by its path."""
        return self.ask_at(method, f"/serving/default/iris{path}", body, **headers)

    def ask_at(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        client = self.client()
        try:
            client.request(method, path, body, {n.replace("_", "-"): v for n, v in headers.items()})
            return read(client)
        finally:
            client.close()

    def raw(self, data: bytes) -> bytes:
        """Send these bytes; return all that comes until the gateway closes."""
        with self.connect() as client:
            client.sendall(data)
            return until_closed(client)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE_S)

    def metrics(self) -> dict[str, float]:
        """Return the gateway's counters, without the buckets: `name{labels}` to value."""
        lines = self.ask_at("GET", "/metrics").body.decode().splitlines()
        pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        return {name: float(value) for name, value in pairs if "_bucket" not in name}

    def counted(self, metric: str, *labels: str) -> dict[tuple[str, ...], float]:
        """Return a counter's values by the given labels."""
        found = {}
        for name, value in self.metrics().items():
            if name.startswith(metric + "{"):
                texts = dict(re.findall(r'(\w+)="([^"]*)"', name))
                found[tuple(texts[label] for label in labels)] = value
        return found

    def attempts(self) -> dict[tuple[str, ...], float]:
        return self.counted("kanarya_requests_total", "revision", "code")

    def responses(self) -> dict[tuple[str, ...], float]:
        return self.counted("kanarya_responses_total", "code")


@contextmanager
def running(loop: str, **settings: Any) -> Iterator[World]:
    """A world on "asyncio" or on "uvloop", ended afterwards."""
    world = World(uvloop.new_event_loop() if loop == "uvloop" else asyncio.new_event_loop())
    world.begin(**settings)
    try:
        yield world
    finally:
        world.end()


def request(
    *headers: bytes, body: bytes = b"", method: bytes = b"POST", close: bool = True
) -> bytes:
    lines = [method + b" " + PATH.encode() + b" HTTP/1.1", b"Host: a.example:99", *headers]
    if close:
        lines.append(b"Connection: close")
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def read(client: http.client.HTTPConnection) -> Answer:
    response = client.getresponse()
    body = response.read()
    return Answer(response.status, response.reason, response.getheaders(), body)


def until_closed(client: socket.socket) -> bytes:
    data = b""
    with suppress(ConnectionError):
        while piece := client.recv(65536):
            data += piece
    return data


def wait_for(condition: Callable[[], Any], what: str) -> Any:
    """Return the condition's value once it is true; fail at the deadline."""
    end = time.monotonic() + DEADLINE_S
    while not (value := condition()):
        assert time.monotonic() < end, f"not within {DEADLINE_S} s: {what}"
        threading.Event().wait(0.005)
    return value


async def _cancel_the_rest() -> None:
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
