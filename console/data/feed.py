"""One reading for all who watch: fifty browsers on one run cost no more than one.

Read in a thread, as often as asked and only while somebody watches; a watcher gets the newest
reading at once and then each one that differs.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Feed(Generic[T]):
    """Something that changes, e.g. a run; it ends for every watcher with the value that is `over`.

    `read` returns a value that can be compared and is never changed afterwards. What it raises
    comes out of every `watch`.
    """

    def __init__(
        self, read: Callable[[], T], every_s: float = 0.5, over: Callable[[T], bool] | None = None
    ) -> None:
        self._read, self._every_s, self._over = read, every_s, over or (lambda value: False)
        self._watchers = 0
        self._reader: asyncio.Task[None] | None = None
        self._news = asyncio.Condition()
        self._count, self._told = 0, False
        self._value: T | None = None
        self._error: BaseException | None = None

    async def watch(self) -> AsyncIterator[T]:
        """Yield the value now, then each new one, until it is over."""
        self._watchers += 1
        seen = 0
        try:
            if self._reader is None or self._reader.done():
                # Counted on, since somebody may still wait for more than what they have seen.
                seen, self._error, self._told = self._count, None, False
                self._reader = asyncio.create_task(self._reading())
            while True:
                value, seen = await self._after(seen)
                yield value
                if self._over(value):
                    return
        finally:
            self._watchers -= 1
            if not self._watchers and self._reader is not None:
                self._reader.cancel()
                self._reader = None

    @property
    def watchers(self) -> int:
        """Return how many watch now."""
        return self._watchers

    async def _after(self, seen: int) -> tuple[T, int]:
        async with self._news:
            await self._news.wait_for(lambda: self._count > seen or self._error is not None)
        if self._error is not None:
            raise self._error
        value: T = self._value  # type: ignore[assignment]  # set before the first count
        return value, self._count

    async def _reading(self) -> None:
        while True:
            try:
                value = await asyncio.to_thread(self._read)
            except Exception as error:  # noqa: BLE001 - it is raised for every watcher
                await self._tell(error=error)
                return
            if not self._told or value != self._value:
                await self._tell(value)
            if self._over(value):
                return
            await asyncio.sleep(self._every_s)

    async def _tell(self, value: T | None = None, error: BaseException | None = None) -> None:
        async with self._news:
            if error is None:
                self._value, self._count, self._told = value, self._count + 1, True
            self._error = error
            self._news.notify_all()
