"""What is made when it is asked for first, so that the console's start waits for none of it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

from starlette.types import ASGIApp, Receive, Scope, Send

T = TypeVar("T")


class lately(Generic[T]):  # noqa: N801 - used as `property` is
    """An attribute that is made by whoever asks first, once for all threads.

    `functools.cached_property` makes two of them where two threads come at once.
    """

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make, self._lock = make, threading.RLock()
        self._name, self.__doc__ = make.__name__, make.__doc__

    @overload
    def __get__(self, owner: None, kind: type) -> lately[T]: ...

    @overload
    def __get__(self, owner: object, kind: type) -> T: ...

    def __get__(self, owner: object | None, kind: type) -> lately[T] | T:
        """Return the value, which is found in the object itself from then on."""
        if owner is None:
            return self
        with self._lock:
            kept = vars(owner)
            if self._name not in kept:
                kept[self._name] = self._make(owner)
            found: T = kept[self._name]
            return found


class Later:
    """ASGI: an application that is made, in a thread, for its first request."""

    def __init__(self, make: Callable[[], ASGIApp]) -> None:
        self._make, self._lock = make, threading.Lock()
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on."""
        app = self._app
        if app is None:
            app = await asyncio.to_thread(self.made)
        await app(scope, receive, send)

    def made(self) -> ASGIApp:
        """Return the application."""
        with self._lock:
            if self._app is None:
                self._app = self._make()
            return self._app
