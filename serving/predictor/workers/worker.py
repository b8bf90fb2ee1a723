"""A worker: one event loop that gets its connections, and its orders, from the parent."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import signal
import socket
from typing import Any

import uvicorn
from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.registry import Collector

from serving.predictor.workers.channel import Closed
from serving.predictor.workers.crew import TOKEN, Place
from serving.predictor.workers.reports import Report, taken

PATIENCE_S = 5.0
"""How long the parent may take to gather; it waits a second for each worker."""
STEP_S = 0.005
BATCH = 64


class Counted(set[Any]):
    """The open connections of uvicorn; those that end are counted where the parent sees it."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self._board, self._number = place.board, place.number

    def discard(self, connection: Any) -> None:
        """Count a connection that is closed, once."""
        if connection in self:
            self._board.count(self._number)
        super().discard(connection)


class Post:
    """A worker's end of everything; `attend` runs beside its server."""

    def __init__(self, place: Place, name: str) -> None:
        self._place, self._name = place, name
        self.sketches: Collector = CollectorRegistry()
        """What is reported beside the metrics."""
        self._words = itertools.count()
        self._asked: dict[int, asyncio.Future[Report]] = {}
        self._arriving: set[asyncio.Task[None]] = set()
        self._last = asyncio.Event()

    async def attend(self, server: uvicorn.Server) -> None:
        """Take connections until there are no more, then have the server drain."""
        while not server.started:
            await asyncio.sleep(STEP_S)
        server.server_state.connections = Counted(self._place)
        loop, door = asyncio.get_running_loop(), self._place.door
        door.setblocking(False)
        # Signals come from outside: who tells us to end tells the parent first.
        loop.add_signal_handler(signal.SIGTERM, self._send, "leaving")
        loop.add_signal_handler(signal.SIGINT, lambda: None)
        loop.add_reader(door.fileno(), self._take, server)
        loop.add_reader(self._place.channel.fileno(), self._listen)
        self._send("ready", self._name)
        await self._last.wait()
        if self._arriving:
            await asyncio.wait(self._arriving)
        server.handle_exit(signal.SIGTERM, None)

    async def gather(self) -> Report:
        """Return the metrics of all workers; raise `TimeoutError` where the parent is stuck."""
        word, answer = next(self._words), asyncio.get_running_loop().create_future()
        self._asked[word] = answer
        self._send("scrape", word)
        try:
            return await asyncio.wait_for(answer, PATIENCE_S)
        finally:
            del self._asked[word]

    def _take(self, server: uvicorn.Server) -> None:
        for _ in range(BATCH):
            try:
                word, descriptors, _, _ = socket.recv_fds(self._place.door, 1, 1)
            except BlockingIOError:
                return
            except ConnectionResetError:
                word, descriptors = b"", []
            if not word:
                asyncio.get_running_loop().remove_reader(self._place.door.fileno())
                self._last.set()
                return
            with contextlib.suppress(OSError):  # the parent is gone; the next turn says so
                self._place.door.send(TOKEN)
            if not descriptors:  # this process may open no more files
                self._place.board.count(self._place.number)
            for descriptor in descriptors:
                task = asyncio.ensure_future(self._welcome(server, descriptor))
                self._arriving.add(task)
                task.add_done_callback(self._arriving.discard)

    async def _welcome(self, server: uvicorn.Server, descriptor: int) -> None:
        """Make a handed connection one of the server's own."""
        loop, config = asyncio.get_running_loop(), server.config
        connection = socket.socket(fileno=descriptor)
        connection.setblocking(False)

        def protocol() -> asyncio.Protocol:
            return config.http_protocol_class(  # type: ignore[call-arg]
                config=config,
                server_state=server.server_state,
                app_state=server.lifespan.state,
                _loop=loop,
            )

        try:
            await loop.connect_accepted_socket(protocol, connection, ssl=config.ssl)
        except OSError:
            # The client was quicker to go than we were to look.
            connection.close()
            self._place.board.count(self._place.number)

    def _listen(self) -> None:
        try:
            for kind, content in self._place.channel.receive():
                if kind == "report":
                    self._send("report", {**taken(REGISTRY), **taken(self.sketches)})
                elif kind == "metrics":
                    self._answered(*content)
        except Closed:
            asyncio.get_running_loop().remove_reader(self._place.channel.fileno())

    def _answered(self, word: int, report: Report) -> None:
        answer = self._asked.get(word)
        if answer is not None and not answer.done():
            answer.set_result(report)

    def _send(self, kind: str, content: Any = None) -> None:
        channel = self._place.channel
        channel.send(kind, content)
        if channel.has_more:
            asyncio.get_running_loop().add_writer(channel.fileno(), self._send_on)

    def _send_on(self) -> None:
        self._place.channel.flush()
        if not self._place.channel.has_more:
            asyncio.get_running_loop().remove_writer(self._place.channel.fileno())
