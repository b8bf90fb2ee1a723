"""The little of ASGI that is needed: reading a body, sending an answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, NamedTuple

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

JSON = (b"content-type", b"application/json")


class TooLarge(Exception):
    """A body has more bytes than are allowed; what follows of it was not read."""


class Gone(Exception):
    """The client went away before it had sent its whole request."""


class Reply(NamedTuple):
    """A whole answer; `content-length` is added when it is sent."""

    status: int
    body: bytes
    headers: Headers


async def read(receive: Receive, limit: int) -> bytes:
    """Return the whole body; raise `TooLarge` beyond `limit` bytes, `Gone` on a hang-up."""
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        body: bytes = message.get("body", b"")
        if len(body) > limit:
            raise TooLarge
        return body
    return await _read_on(message, receive, limit)


async def _read_on(message: Message, receive: Receive, limit: int) -> bytes:
    parts, size = [], 0
    while message["type"] == "http.request":
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            raise TooLarge
        if not message.get("more_body"):
            return b"".join(parts)
        message = await receive()
    raise Gone


async def send_reply(send: Send, reply: Reply) -> None:
    """Send a whole answer."""
    status, body, headers = reply
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})


def replayed(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives `body` once more, then what the client sends next."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return messages.pop() if messages else await receive()

    return again
