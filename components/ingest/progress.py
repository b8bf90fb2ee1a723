"""How far a long reading is: a bar on a terminal, now and then a line in a log."""

from __future__ import annotations

import sys
from time import monotonic
from types import TracebackType
from typing import TextIO

from components import telling

LINE_EVERY_S = 5.0
BAR_EVERY_S = 0.1
_WIDTH = 30


class Progress:
    """Shows how many of `total` bytes were read, where that takes longer than a moment."""

    def __init__(self, total: int, out: TextIO | None = None) -> None:
        self._total, self._out = total, out or sys.stderr
        self._read, self._drawn = 0, False
        self._terminal = self._out.isatty()
        self._due = monotonic() + (BAR_EVERY_S if self._terminal else LINE_EVERY_S)

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._drawn:
            self._out.write("\r\033[K")
            self._out.flush()

    def seen(self, size: int) -> None:
        """Add bytes that were read."""
        self._read += size
        now = monotonic()
        if now < self._due:
            return
        self._due = now + (BAR_EVERY_S if self._terminal else LINE_EVERY_S)
        if self._terminal:
            self._drawn = True
            self._out.write(f"\r{bar(self._read, self._total)}\033[K")
            self._out.flush()
        else:
            telling.note(f"read {_share(self._read, self._total)}")


def bar(read: int, total: int) -> str:
    """Return a bar with the share that was read."""
    done = _WIDTH * min(read, total) // max(total, 1)
    return f"[{'#' * done}{'.' * (_WIDTH - done)}] {_share(read, total)}"


def _share(read: int, total: int) -> str:
    """Return both in MB; what is read once more, with what was learned, starts at 0 again."""
    return f"{(read % total or total) / 1e6:,.0f} of {total / 1e6:,.0f} MB"
