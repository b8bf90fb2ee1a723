"""What lets the console start sooner, and keeps the collector from its pages."""

from __future__ import annotations

import gc
import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

CLIENTS = ("aiohttp", "requests", "websocket")
"""What Socket.IO's client asks with (its extras `client` and `asyncio-client`)."""
CHECKS = ("email_validator",)
"""What FastAPI's description of an API, which is not given here, checks addresses with."""
COLLECTED = (2_000, 10, 10)
"""New objects before the collector looks at the young, and how often before it looks at the older:
by its own measure (700) it looks at all open pages, 2,400 objects each, after every 28 new ones,
for 0.1 s each time and a third of a page's time in all; after 80 they are at most 30 MB."""
PLUGINS = "PYDANTIC_DISABLE_PLUGINS"
"""pydantic reads the metadata of every installed package for plugins; there are none."""


@contextmanager
def quick_imports() -> Iterator[None]:
    """Import in less time: without what a server never uses of its libraries, and uncollected.

    The clients' libraries are there for others' sake: they take 0.3 s of processor time, the other
    two 0.04 s. Modules stay to the end, so the collector need not look at them; from now on it
    comes as seldom as `COLLECTED` says.
    """
    gc.disable()
    try:
        with _without_plugins():
            _import_without(CLIENTS, "socketio")
            _import_without(CHECKS, "fastapi")
            yield
        gc.freeze()
        gc.set_threshold(*COLLECTED)
    finally:
        gc.enable()


def _import_without(names: tuple[str, ...], wanted: str) -> None:
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: not to be found
    try:
        importlib.import_module(wanted)
    finally:
        for name in hidden:
            del sys.modules[name]


@contextmanager
def _without_plugins() -> Iterator[None]:
    before = os.environ.get(PLUGINS)
    os.environ[PLUGINS] = "__all__"
    try:
        yield
    finally:
        os.environ.pop(PLUGINS)
        if before is not None:
            os.environ[PLUGINS] = before
