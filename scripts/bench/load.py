"""Load on a service over HTTP, and what its answers say.

Open loop: a request leaves at its time, whether or not the one before it was answered.
Closed loop: each connection asks again as soon as it is answered.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from math import ceil
from typing import cast
from urllib.parse import urlsplit

WINDOW = 100  # a traffic block speaks of percents, so a split is exact per 100 requests
ANSWER_S = 10.0
OK = 200
NO_ANSWER = 0
_REVISION = b"\r\nkanarya-revision:"


@dataclass(frozen=True)
class Answer:
    """What became of one request: status 0 means that no answer came."""

    status: int
    seconds: float
    revision: str = ""
    said: str = ""  # by a failure: its body, or what broke

    @property
    def failed(self) -> bool:
        """Say whether it is anything but a prediction."""
        return self.status != OK


@dataclass(frozen=True)
class Side:
    """Where one service is asked, and the bytes of the request."""

    address: tuple[str, int]
    request: bytes

    @classmethod
    def of(cls, url: str, body: bytes) -> Side:
        """Return the side that a URL names, asked with a JSON body."""
        parts = urlsplit(url)
        head = (
            f"POST {parts.path or '/'} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return cls((parts.hostname or "127.0.0.1", parts.port or 80), head.encode() + body)


class Wire(asyncio.Protocol):
    """One keep-alive connection; the clock is read at the first byte out and the last one in."""

    def __init__(self) -> None:
        """Wait for connection_made."""
        self.transport: asyncio.Transport
        self._got = b""
        self._sent_at = 0.0
        self._answer: asyncio.Future[Answer] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast(asyncio.Transport, transport)

    def ask(self, request: bytes) -> asyncio.Future[Answer]:
        """Send the request; the future gets its answer once that is complete."""
        self._got = b""
        self._answer = asyncio.get_running_loop().create_future()
        self._sent_at = time.perf_counter()
        self.transport.write(request)
        return self._answer

    def data_received(self, data: bytes) -> None:
        """Finish when the body is complete."""
        now = time.perf_counter()
        self._got += data
        if self._answer and not self._answer.done() and complete(self._got):
            self._answer.set_result(answer_of(self._got, now - self._sent_at))

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail what was under way."""
        if self._answer and not self._answer.done():
            self._answer.set_exception(exc or ConnectionError("closed"))


class Client:
    """Asks one side, over as many connections as requests are under way at once."""

    def __init__(self, side: Side) -> None:
        """Open the first connection with the first request."""
        self._side = side
        self._idle: list[Wire] = []
        self.under_way = 0

    async def ask(self) -> Answer:
        """Return what became of one request; it is never sent twice."""
        began, wire = time.perf_counter(), self._rested()
        self.under_way += 1
        try:
            async with asyncio.timeout(ANSWER_S):
                wire = wire or await self._connected()
                answer = await wire.ask(self._side.request)
        except OSError as error:  # a timeout is one, too
            if wire:
                wire.transport.close()
            return Answer(NO_ANSWER, time.perf_counter() - began, said=repr(error))
        finally:
            self.under_way -= 1
        self._idle.append(wire)
        return answer

    def close(self) -> None:
        """Close every connection."""
        for wire in self._idle:
            wire.transport.close()

    def _rested(self) -> Wire | None:
        """Return a connection that the other end has not closed meanwhile."""
        while self._idle:
            wire = self._idle.pop()
            if not wire.transport.is_closing():
                return wire
        return None

    async def _connected(self) -> Wire:
        loop = asyncio.get_running_loop()
        return (await loop.create_connection(Wire, *self._side.address))[1]


async def open_loop(client: Client, *, requests: int, rate: float) -> list[Answer]:
    """Return the answers to requests sent `rate` times a second, in the order of sending."""
    loop = asyncio.get_running_loop()
    start, asked = loop.time(), []
    for number in range(requests):
        await asyncio.sleep(start + number / rate - loop.time())
        asked.append(asyncio.ensure_future(client.ask()))
    return await asyncio.gather(*asked)


async def closed_loop(client: Client, *, connections: int, seconds: float) -> list[Answer]:
    """Return every answer that `connections` got, asking without a pause for `seconds`."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds

    async def one() -> list[Answer]:
        answers = []
        while loop.time() < end:
            answers.append(await client.ask())
        return answers

    lists = await asyncio.gather(*(one() for _ in range(connections)))
    return [answer for answers in lists for answer in answers]


class Traffic:
    """Steady traffic, kept in windows of 100 requests.

    A window is answered to the end before the next one begins: however its requests overtook one
    another on the way, the gateway dealt out these very 100 in a row.
    """

    def __init__(self, client: Client, rate: float) -> None:
        """Ask nothing yet."""
        self.client = client
        self.windows: list[list[Answer]] = []
        self._rate = rate
        self._task: asyncio.Task[None] | None = None

    async def until(self, windows: int) -> None:
        """Wait until there are that many windows."""
        while len(self.windows) < windows:
            if self._task and self._task.done():
                self._task.result()
            await asyncio.sleep(0.02)

    @asynccontextmanager
    async def flowing(self) -> AsyncIterator[None]:
        """Ask as long as the block runs."""
        self._task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            self.windows.append(await open_loop(self.client, requests=WINDOW, rate=self._rate))


def quantile_ms(answers: Sequence[Answer], share: float) -> float:
    """Return the latency in milliseconds that `share` of the good answers do not exceed."""
    ordered = sorted(answer.seconds for answer in answers if not answer.failed)
    return ordered[max(0, ceil(share * len(ordered)) - 1)] * 1000


def failures(answers: Sequence[Answer]) -> int:
    """Return how many requests got no prediction."""
    return sum(answer.failed for answer in answers)


def split_of(window: Sequence[Answer]) -> dict[str, int]:
    """Return how many requests each revision answered."""
    return dict(Counter(answer.revision for answer in window))


def inexact(windows: Sequence[Sequence[Answer]], percents: Mapping[str, int]) -> int:
    """Return how many windows of 100 were not split exactly by these percents."""
    asked = {revision: percent for revision, percent in percents.items() if percent}
    return sum(split_of(window) != asked for window in windows)


def complete(got: bytes) -> bool:
    """Say whether a whole HTTP answer is there."""
    head, found, body = got.partition(b"\r\n\r\n")
    _, has_length, rest = head.lower().partition(b"\r\ncontent-length:")
    if not found or not has_length:
        return bool(found) and body.endswith(b"0\r\n\r\n")
    return len(body) >= int(rest.split(b"\r\n")[0])


def answer_of(got: bytes, seconds: float) -> Answer:
    """Return what a complete HTTP answer says; the gateway names the revision in a header."""
    head, _, body = got.partition(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1][:3])
    revision = (head + b"\r\n").lower().partition(_REVISION)[2].partition(b"\r\n")[0]
    said = "" if status == OK else body[:200].decode("latin-1")
    return Answer(status, seconds, revision.strip().decode("latin-1"), said)
