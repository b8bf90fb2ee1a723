"""A number of each worker that the parent can read at any time, without asking."""

from __future__ import annotations

import mmap

_BYTES = 8


class Board:
    """How many connections each worker has closed; in memory that forks share.

    A worker writes its own number only, so that there is nothing to lock.
    """

    def __init__(self, workers: int) -> None:
        self._closed = memoryview(mmap.mmap(-1, workers * _BYTES)).cast("q")

    def closed(self, number: int) -> int:
        """Return how many connections the worker has closed since its start."""
        return self._closed[number]

    def count(self, number: int) -> None:
        """Count a connection that the worker has closed."""
        self._closed[number] += 1

    def clear(self, number: int) -> None:
        """Begin anew, for a worker that is about to start."""
        self._closed[number] = 0
