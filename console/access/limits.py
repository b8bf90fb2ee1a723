"""How much a request may bring: files as much as an upload may have, everything else a megabyte."""

from __future__ import annotations

from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope

MOST_BYTES = 1 << 20
FILES = "/api/uploads"
"""What counts by itself, on the way to the disk."""
SENTENCE = f"the body has more than {MOST_BYTES:,} bytes; files go to {FILES}"


def is_too_large(scope: Scope) -> bool:
    """Say whether a request announces more than it may bring."""
    announced = Headers(scope=scope).get("content-length", "")
    counts = scope["type"] == "http" and not scope["path"].startswith(FILES)
    return counts and announced.isdecimal() and int(announced) > MOST_BYTES


def limited(scope: Scope, receive: Receive) -> Receive:
    """Return what receives a body that did not announce its size; it raises 413 where it grows."""
    if scope["type"] != "http" or scope["path"].startswith(FILES):
        return receive
    got = 0

    async def receiving() -> Message:
        nonlocal got
        message = await receive()
        got += len(message.get("body", b""))
        if got > MOST_BYTES:
            raise HTTPException(413, SENTENCE)
        return message

    return receiving
