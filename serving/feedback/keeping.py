"""The predictor's end: what was answered under an id is kept, and sent on by a thread.

A request pays for one append. The thread wakes when something was kept, gathers for a quarter of a
second, and sends what there is, some hundred rows at a time, so that it never holds the interpreter
for long. While the collector is away rows wait, up to `MOST_BYTES`; then they are dropped, which is
counted. A process that is killed loses what it had not sent: half a second's predictions. Labels
never wait here: they are acknowledged by the collector.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import time
from typing import Any

import numpy as np

from serving.feedback import wire
from serving.feedback.calling import CollectorError, call
from serving.feedback.truths import class_text
from serving.feedback.wire import LONGEST_ID, Answered

FAREWELL_S = 2.0
MOST_BYTES = 32 * 2**20
PER_REQUEST = 300
"""Bytes that an answer takes beside its numbers."""
PIECE, PIECE_ROWS = 1024, 8192
"""Requests, and rows, in a message."""

logger = logging.getLogger("kserve")


@dataclass(frozen=True)
class Pace:
    """For how long answers are gathered, and when a collector that is away is asked again."""

    gather_s: float = 0.25
    again_s: float = 1.0


@dataclass(frozen=True)
class Model:
    """Whose predictions these are; without `classes` they are numbers. `url`: of its feedback."""

    url: str
    version: str
    classes: tuple[str, ...] | None

    @classmethod
    def of(cls, url: str, name: str, version: str, labels: Sequence[object]) -> Model:
        """Return the model, by the collector's address and the labels of its card."""
        classes = tuple(str(class_text(label)) for label in labels) or None
        return cls(f"{url.rstrip('/')}/{name}", version, classes)


class Keeper:
    """Keeps answers and sends them; `keep` is for one thread, the event loop's."""

    def __init__(
        self,
        model: Model,
        gives_ids: bool = False,
        send: Callable[[str, bytes], object] = call,
        pace: Pace | None = None,
    ) -> None:
        """`gives_ids`: a request that has no id gets one."""
        self.model, self.gives_ids, self._send = model, gives_ids, send
        self._pace = pace or Pace()
        self.kept = self.dropped = 0
        # Id, time and numbers of each answer, one behind the other: a tuple for each would be one
        # more object that lives on, which the garbage collector looks at again and again.
        self._held: deque[Any] = deque()
        self._taken = self._sent = 0  # bytes; each is written by one thread alone
        self._is_resting = True
        self._some, self._closing = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def keep(self, mark: str | bytes, outputs: np.ndarray) -> None:
        """Keep an answer, float32 [n, k], under its id; an id that is too long is none."""
        taken = self._taken + outputs.nbytes + PER_REQUEST
        if taken - self._sent > MOST_BYTES or len(mark) > LONGEST_ID:
            self.dropped += len(outputs)
            return
        self._taken = taken
        self._held.extend((mark, time(), outputs))
        if self._is_resting:
            self._wake()

    def close(self) -> None:
        """Send what is left, for two seconds at most."""
        self._closing.set()
        self._some.set()
        if self._thread is not None:
            self._thread.join(FAREWELL_S)

    def _wake(self) -> None:
        self._is_resting = False
        self._some.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, daemon=True, name="feedback")
            self._thread.start()

    def _run(self) -> None:
        while not self._closing.is_set():
            self._some.wait()
            self._closing.wait(self._pace.gather_s)
            self._some.clear()
            self._is_resting = True
            self._drain()
        self._drain()

    def _drain(self) -> None:
        while self._held:
            marks, moments, outputs = self._piece()
            rows = [len(each) for each in outputs]
            self._deliver(self._message(marks, moments, outputs, rows), sum(rows))
            self._sent += sum(each.nbytes + PER_REQUEST for each in outputs)

    def _piece(self) -> tuple[list[str | bytes], list[float], list[np.ndarray]]:
        take, rows = self._held.popleft, 0
        marks: list[str | bytes] = []
        moments: list[float] = []
        outputs: list[np.ndarray] = []
        while self._held and len(marks) < PIECE and rows < PIECE_ROWS:
            marks.append(take())
            moments.append(take())
            outputs.append(take())
            rows += len(outputs[-1])
        return marks, moments, outputs

    def _message(
        self,
        marks: Sequence[str | bytes],
        moments: Sequence[float],
        outputs: Sequence[np.ndarray],
        rows: Sequence[int],
    ) -> bytes:
        joined, classes = np.concatenate(outputs), self.model.classes
        flat = joined[:, 0] if classes is None else joined.argmax(axis=1)
        ids = [mark if isinstance(mark, str) else mark.decode(errors="replace") for mark in marks]
        return wire.predictions(
            self.model.version, classes, Answered(ids, moments, rows, flat.tolist())
        )

    def _deliver(self, message: bytes, rows: int) -> None:
        """Send a message until it is taken, or refused, or there is no time left."""
        is_news = True
        while True:
            try:
                self._send(f"{self.model.url}/predictions", message)
            except CollectorError as error:
                if error.status < 500 or self._closing.is_set():
                    logger.error("feedback: %d predictions are not kept: %s", rows, error)
                    self.dropped += rows
                    return
                if is_news:
                    logger.warning("feedback: predictions wait: %s", error)
                is_news = False
                self._closing.wait(self._pace.again_s)
            else:
                self.kept += rows
                return
