"""The newest answer to a question that may take long: asked in a thread, never waited for."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from serving.errors import KanaryaError, PlatformError

T = TypeVar("T")
LOG = logging.getLogger("kanarya.console")


@dataclass(frozen=True)
class Answer(Generic[T]):
    """What was answered last, None before the first time.

    `error`: why the newest question got no answer, None where it did. `count`: how many did.
    `asked`: how many questions have come to an end, with an answer or without.
    """

    value: T | None = None
    error: Exception | None = None
    count: int = 0
    asked: int = 0

    @property
    def trouble(self) -> str:
        """Return why the newest question got no answer, "" where it did."""
        return " ".join(str(self.error).split()) if self.error else ""


class Latest(Generic[T]):
    """A question that is asked anew when somebody looks and the last answer is old."""

    def __init__(self, ask: Callable[[T | None], T], every_s: float) -> None:
        """Ask with the answer before, at most every so many seconds, one question at a time."""
        self._ask, self._every_s = ask, every_s
        self._lock = threading.Lock()
        self._answer: Answer[T] = Answer()
        self._due = float("-inf")
        self._asking: threading.Thread | None = None

    def look(self) -> Answer[T]:
        """Return the newest answer at once; where it is old, the next one is under way."""
        with self._lock:
            if self._asking is None and time.monotonic() >= self._due:
                self._asking = threading.Thread(target=self._asked, daemon=True)
                self._asking.start()
            return self._answer

    @property
    def newest(self) -> Answer[T]:
        """Return the newest answer; nothing is asked."""
        return self._answer

    def soon(self) -> None:
        """Let the next look ask, whenever the last answer came."""
        with self._lock:
            self._due = float("-inf")

    def wait(self, timeout_s: float) -> Answer[T]:
        """Return the newest answer once no question is under way, or the time is over."""
        asking = self._asking
        if asking is not None:
            asking.join(timeout_s)
        return self._answer

    def _asked(self) -> None:
        before = self._answer
        try:
            value = self._ask(before.value)
            answer = Answer(value, None, before.count + 1, before.asked + 1)
        except (KanaryaError, OSError) as error:
            answer = replace(before, error=error, asked=before.asked + 1)
        except Exception as error:  # or nobody would ever ask again; the log says what it was
            LOG.exception("a question broke")
            broke = PlatformError(f"it broke ({type(error).__name__}: {error})")
            answer = replace(before, error=broke, asked=before.asked + 1)
        with self._lock:
            self._answer, self._asking = answer, None
            self._due = time.monotonic() + self._every_s
