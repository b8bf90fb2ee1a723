"""A time limit that nothing outlasts: no loop, no disk, no server that is silent."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

AGAIN_S = 1.0
"""After which it is raised again, should a library have swallowed it."""


class OutOfTime(BaseException):  # no `except Exception` on the way may take it for its own
    """The time is over; what was under way is left as a kill would have left it."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raise OutOfTime in the body once `seconds` are over; only in a process's main thread.

    An alarm of the system interrupts whatever it waits for. A rollout may be killed between any two
    effects, so it may be left here too.
    """

    def over(number: int, frame: FrameType | None) -> None:
        raise OutOfTime

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
