"""The API server of the local platform in a thread, so that clients that block can ask it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import web

from serving.local.api import make_app
from serving.local.store import Store


@contextmanager
def answering(store: Store, gateway_url: str) -> Iterator[tuple[str, Callable[[], None]]]:
    """Yield the address, on a free port, and what stops the server before the end."""
    loop = asyncio.new_event_loop()
    # a daemon, so that a server that does not stop fails its test and does not hang the run
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    runner = web.AppRunner(make_app(store, gateway_url=gateway_url), access_log=None)

    def done(work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, loop).result(10)

    async def start() -> None:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()

    done(start())
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", lambda: done(runner.cleanup())
        done(runner.cleanup())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
        store.close()
