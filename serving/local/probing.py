"""Asking a predictor whether it is ready, with nothing but the standard library."""

from __future__ import annotations

import asyncio
from contextlib import suppress

Address = tuple[str, int]


async def answers(address: Address, model: str, timeout_s: float) -> bool:
    """Say whether the process at `address` answers 200 for its model within the time."""
    try:
        async with asyncio.timeout(timeout_s):
            return await _status(address, f"/v2/models/{model}/ready") == 200
    except (OSError, TimeoutError, ValueError):  # ValueError: an endless first line
        return False


async def _status(address: Address, path: str) -> int:
    """Return the HTTP status of a GET; 0 where the answer is none of HTTP's."""
    reader, writer = await asyncio.open_connection(*address)
    try:
        host = f"{address[0]}:{address[1]}"
        request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        writer.write(request.encode())
        words = (await reader.readline()).split(maxsplit=2)
        return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
