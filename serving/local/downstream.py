"""The client's side of an exchange: its request as it arrives, and the answer as bytes back to it.

aiohttp's server parses what clients send (pipelining, limits, slow and broken ones) and owns the
connection; answers are written past its response objects, which would add headers of their own.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

from aiohttp import StreamReader, web

from serving.local import wire
from serving.local.connection import BODILESS, Connection, Message, NoAnswer
from serving.local.routes import prefix_of

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Interrupted(ConnectionError):
    """The revision broke off in the middle of its answer; the client's connection must end."""


class Relayed(web.StreamResponse):
    """An answer whose bytes are on their way already: nothing is left for aiohttp to write."""

    def __init__(self, status: int, *, stays: bool) -> None:
        """Say whether the client's connection stays open."""
        super().__init__(status=status)
        self._stays = stays

    @property
    def keep_alive(self) -> bool:
        """Say whether the client's connection stays open."""
        return self._stays

    async def prepare(self, request: web.BaseRequest) -> None:
        """Write nothing."""

    async def write_eof(self, data: bytes = b"") -> None:
        """Write nothing."""


def refusal(status: int, sentence: str) -> web.Response:
    """Return the gateway's own answer: one sentence in KServe's form."""
    body = json.dumps({"error": sentence}).encode()
    return web.Response(status=status, body=body, content_type="application/json")


async def read_request(request: web.BaseRequest, path: str, buffer_limit: int) -> Message:
    """Return the request as the backend gets it, with its whole body if that fits the buffer."""
    headers = wire.request_headers(request.raw_headers, _origin(request))
    length, content = request.content_length, request.content
    if request.can_read_body and wire.first(request.raw_headers, b"expect"):
        _transport(request).write(CONTINUE)
    if length is not None and length > buffer_limit:
        return _message(request, path, headers, rest=content.iter_any())
    body = await _read(content, buffer_limit)
    if not content.at_eof():
        headers.append((b"Transfer-Encoding", b"chunked"))
        return _message(request, path, headers, rest=_chunks(body, content))
    if length is None and request.body_exists:
        headers.append((b"Content-Length", b"%d" % len(body)))
    return _message(request, path, headers, body=body)


async def relay(
    answer: Connection, request: web.BaseRequest, *, revision: str, closing: bool
) -> Relayed:
    """Pass an answer on as it comes; Interrupted if the revision does not finish it."""
    transport = _transport(request)
    chunked, stays = _framing(answer, request)
    stays = stays and not closing
    data = _answer_head(answer, request, revision=revision, chunked=chunked, stays=stays)
    while True:
        piece = answer.take()
        data += wire.chunk(piece) if chunked else piece
        if answer.ended:
            break
        transport.write(data)
        await request.writer.drain()
        piece = await _read_on(answer)
        data = wire.chunk(piece) if chunked else piece
    transport.write(data + wire.LAST_CHUNK if chunked else data)
    await request.writer.drain()
    return Relayed(answer.status, stays=stays)


async def _read_on(answer: Connection) -> bytes:
    try:
        return await answer.read()
    except NoAnswer as error:
        raise Interrupted(str(error)) from error


def _framing(answer: Connection, request: web.BaseRequest) -> tuple[bool, bool]:
    """Return whether the body goes out in chunks, and whether the connection can stay open."""
    bodiless = request.method == "HEAD" or answer.status in BODILESS
    if bodiless or wire.first(answer.headers, b"content-length"):
        return False, request.keep_alive
    chunked = request.version >= (1, 1)
    return chunked, chunked and request.keep_alive


def _answer_head(
    answer: Connection, request: web.BaseRequest, *, revision: str, chunked: bool, stays: bool
) -> bytes:
    headers = [h for h in wire.end_to_end(answer.headers) if h[0].lower() != b"kanarya-revision"]
    if answer.status // 100 == 3:
        below = prefix_of(request.raw_path).encode()
        headers = wire.relocated(headers, _origin(request).host, below)
    headers.append((b"kanarya-revision", revision.encode()))
    if chunked:
        headers.append((b"Transfer-Encoding", b"chunked"))
    if not stays:
        headers.append((b"Connection", b"close"))
    elif request.version < (1, 1):
        headers.append((b"Connection", b"keep-alive"))
    return wire.response_head(answer.status, answer.reason, headers)


def _message(
    request: web.BaseRequest,
    path: str,
    headers: list[wire.Header],
    *,
    body: bytes = b"",
    rest: AsyncIterator[bytes] | None = None,
) -> Message:
    head = wire.request_head(request.method, path, headers)
    return Message(head, body, rest, answer_has_body=request.method != "HEAD")


async def _read(content: StreamReader, limit: int) -> bytes:
    """Return the body, or the beginning of one that is longer than the limit."""
    body = b""
    while len(body) <= limit and not content.at_eof():
        body += await content.readany()
    return body


async def _chunks(beginning: bytes, content: StreamReader) -> AsyncIterator[bytes]:
    yield wire.chunk(beginning)
    async for piece in content.iter_any():
        yield wire.chunk(piece)
    yield wire.LAST_CHUNK


def _origin(request: web.BaseRequest) -> wire.Origin:
    host = wire.first(request.raw_headers, b"host")
    return wire.Origin((request.remote or "unknown").encode(), host)


def _transport(request: web.BaseRequest) -> asyncio.Transport:
    if request.transport is None:
        raise ConnectionResetError("the client is gone")
    return request.transport
