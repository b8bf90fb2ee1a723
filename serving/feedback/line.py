"""A predictor's connection to the collector, in its event loop: one message at a time, kept open.

A thread would do it too, but it would want the interpreter at each of its system calls, and a busy
loop that is asked for it at every prediction pays more for that than for the prediction's answer.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from typing import NamedTuple
from urllib.parse import urlsplit

from serving.feedback.calling import PATIENCE_S, CollectorError, away, call

_BROKEN = (ConnectionError, asyncio.IncompleteReadError)
_NO_HTTP = (ValueError, IndexError, asyncio.LimitOverrunError)


class _Reply(NamedTuple):
    status: int
    body: bytes
    stays: bool


class Line:
    """Where predictions go; `send` is for the event loop, `send_now` for when it has ended."""

    def __init__(self, url: str) -> None:
        """`url`: of a model's predictions. Nothing is connected yet."""
        self._url = url
        parts = urlsplit(url)
        self._is_tls, self._host = parts.scheme == "https", parts.hostname or ""
        self._port = parts.port or (443 if self._is_tls else 80)
        self._head = (
            f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc.rpartition('@')[2]}\r\n"
            "Content-Type: application/json\r\nContent-Length: "
        ).encode()
        self._open: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, message: bytes) -> None:
        """Send a message; return when it was taken. Raises CollectorError.

        On a connection that broke it is sent once more, on a new one: messages may come twice.
        """
        try:
            async with asyncio.timeout(PATIENCE_S):
                try:
                    reply = await self._asked(message)
                except _BROKEN:
                    self.close()
                    reply = await self._asked(message)
        except (OSError, EOFError, *_NO_HTTP) as error:
            self.close()
            raise away(self._url, str(error) or f"within {PATIENCE_S:g} s") from error
        except BaseException:  # cancelled: what comes on this connection is of this message
            self.close()
            raise
        if not reply.stays:
            self.close()
        if reply.status != 200:
            raise CollectorError(_sentence(self._url, reply), reply.status)

    def send_now(self, message: bytes, patience_s: float) -> None:
        """Send a message without an event loop. Raises CollectorError."""
        call(self._url, message, patience_s)

    def close(self) -> None:
        """Close the connection; the next message opens another one."""
        if self._open is not None:
            self._open[1].close()
            self._open = None

    async def _asked(self, message: bytes) -> _Reply:
        if self._open is None:
            tls = ssl.create_default_context() if self._is_tls else None
            self._open = await asyncio.open_connection(self._host, self._port, ssl=tls)
        reader, writer = self._open
        writer.write(b"%b%d\r\n\r\n%b" % (self._head, len(message), message))
        await writer.drain()
        return await _read(reader)


async def _read(reader: asyncio.StreamReader) -> _Reply:
    """Return an answer; one without a length, which nothing of ours sends, is its head alone."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    status = int(head.split(b" ", 2)[1][:3])
    _, has_length, rest = head.partition(b"\r\ncontent-length:")
    if not has_length:
        return _Reply(status, b"", stays=False)
    body = await reader.readexactly(int(rest.partition(b"\r\n")[0]))
    return _Reply(status, body, stays=b"\r\nconnection: close" not in head)


def _sentence(url: str, reply: _Reply) -> str:
    try:
        return str(json.loads(reply.body)["error"])
    except (ValueError, KeyError, TypeError):
        return f"{url} answers {reply.status}."
