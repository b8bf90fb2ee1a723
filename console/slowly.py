"""What may take minutes, done where nobody else waits for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


async def slowly(do: Callable[..., T], *arguments: object) -> T:
    """Do what may take minutes in a thread of its own: no other page waits, nor the console's end.

    The pool of `asyncio.to_thread` is small, and is waited for when the process ends.
    """
    answer: Future[T] = Future()
    answer.set_running_or_notify_cancel()

    def done() -> None:
        try:
            answer.set_result(do(*arguments))
        except Exception as error:  # noqa: BLE001 - it is raised for who waits
            answer.set_exception(error)

    threading.Thread(target=done, name="slowly", daemon=True).start()
    return await asyncio.wrap_future(answer)
