"""Many watchers of one page of the console, by the WebSocket that its own script would open."""

from __future__ import annotations

import asyncio
import re
import sys
import urllib.request
import uuid
from typing import Any
from urllib.parse import urlsplit

from serving import priority

CLIENT = re.compile(r'client_id["\']?\s*:\s*["\']([0-9a-f-]{36})')


async def main(url: str, number: int) -> None:
    """Open them all, say so, and count what comes until the standard input ends."""
    priority.give_way(19)  # who watches sits at another machine, and takes nothing of this one
    watchers = [await _watcher(url) for _ in range(number)]
    print("watching", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    print(sum(count[0] for _, count in watchers), flush=True)
    for socket, _ in watchers:
        await socket.disconnect()


async def _watcher(url: str) -> tuple[Any, list[int]]:
    import socketio

    page = await asyncio.to_thread(_page, url)
    found = CLIENT.search(page)
    assert found, "the page does not say which client it is for"
    socket, count = socketio.AsyncClient(reconnection=False), [0]

    async def heard(event: str, *_: object) -> None:
        count[0] += 1

    socket.on("*", heard)
    known = {"client_id": found[1], "tab_id": str(uuid.uuid4()), "document_id": str(uuid.uuid4())}
    query = "&".join(f"{name}={value}" for name, value in known.items())
    parts = urlsplit(url)
    await socket.connect(
        f"{parts.scheme}://{parts.netloc}?{query}&implicit_handshake=true&next_message_id=0",
        socketio_path="/_nicegui_ws/socket.io",
        transports=["websocket"],
    )
    return socket, count


def _page(url: str) -> str:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return str(answer.read().decode())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
