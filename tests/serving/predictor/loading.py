"""Clients that keep their connections, ask without a pause, and note every request that is lost."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

TIMEOUT_S = 30.0


class Refused(Exception):
    """Nobody listens."""


class Lost(Exception):
    """A connection ended without the answer to what was sent on it."""


@dataclass
class Tally:
    """What the clients saw."""

    statuses: Counter[int] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    refused: int = 0

    @property
    def answers(self) -> int:
        return sum(self.statuses.values())


@dataclass(frozen=True)
class Load:
    """`connections` clients that send `body` to `path` of a port on loopback."""

    port: int
    path: str
    body: Any
    connections: int = 16

    def request(self) -> bytes:
        content = json.dumps(self.body).encode()
        head = f"POST {self.path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(content)}\r\n\r\n"
        return head.encode() + content

    async def run(self, goes_on: Callable[[Tally], bool]) -> Tally:
        """Ask until `goes_on` says no, or nobody listens any more."""
        tally = Tally()
        clients = [self._client(tally, goes_on) for _ in range(self.connections)]
        await asyncio.wait_for(asyncio.gather(*clients), TIMEOUT_S * 5)
        return tally

    async def _client(self, tally: Tally, goes_on: Callable[[Tally], bool]) -> None:
        while goes_on(tally):
            try:
                await self._connection(tally, goes_on)
            except Lost as error:
                tally.lost.append(str(error))
            except Refused:
                tally.refused += 1
                return

    async def _connection(self, tally: Tally, goes_on: Callable[[Tally], bool]) -> None:
        """Ask on one connection until the server says that it closes it."""
        reader, writer = await self._connected()
        request, is_kept, asked = self.request(), True, 0
        try:
            while is_kept and goes_on(tally):
                writer.write(request)
                asked += 1
                status, is_kept = await _answer(reader)
                tally.statuses[status] += 1
        except (OSError, asyncio.IncompleteReadError) as error:
            raise Lost(f"request {asked} of a connection: {error!r}") from error
        finally:
            writer.close()

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            return await asyncio.open_connection("127.0.0.1", self.port)
        except OSError as error:
            raise Refused from error


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bool]:
    """Return the status, and whether the connection is kept."""
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), TIMEOUT_S)
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines if line)
    await reader.readexactly(int(headers["content-length"]))
    return int(first.split()[1]), headers.get("connection") != "close"
