"""The local control plane's API in a thread: what `kubernetes` clients see, over real HTTP."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web

from serving.isvc.client import ServiceClient, connect
from serving.local import kubeconfig
from serving.local.api import make_app
from serving.local.store import Store

NAMESPACE = "default"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[ServiceClient]:
    """A client of a fresh API server; nothing stands behind it, so a status never changes."""
    store = Store(tmp_path / "platform.db")
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    runner = web.AppRunner(make_app(store, gateway_url="http://127.0.0.1:1"), access_log=None)

    async def start() -> int:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return int(runner.addresses[0][1])

    port = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    kubeconfig.write(tmp_path / "kubeconfig", f"http://127.0.0.1:{port}", NAMESPACE)
    yield connect(tmp_path / "kubeconfig", NAMESPACE)
    asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()
    store.close()
