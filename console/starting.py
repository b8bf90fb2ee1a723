"""What lets the console start sooner."""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager

CLIENTS = ("aiohttp", "requests", "websocket")
"""What Socket.IO's client asks with (its extras `client` and `asyncio-client`)."""


@contextmanager
def quick_imports() -> Iterator[None]:
    """Import in less time: without what a server of Socket.IO never uses, and uncollected.

    The clients' libraries are there for others' sake; with them the import took 1.25 s of processor
    time, without 0.95. Modules stay to the end, so the collector need not look at them.
    """
    gc.disable()
    try:
        _import_socketio_without(CLIENTS)
        yield
        gc.freeze()
    finally:
        gc.enable()


def _import_socketio_without(names: tuple[str, ...]) -> None:
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: not to be found
    try:
        importlib.import_module("socketio")
    finally:
        for name in hidden:
            del sys.modules[name]
