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
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from serving.feedback import wire
from serving.feedback.calling import CollectorError, call
from serving.feedback.truths import class_text
from serving.feedback.wire import LONGEST_ID, Answered

GATHER_S = 0.25
AGAIN_S = 1.0
FAREWELL_S = 2.0
MOST_BYTES = 16 * 2**20
PER_REQUEST = 300
"""Bytes that an answer takes beside its numbers."""
PIECE, PIECE_ROWS = 512, 8192
"""Requests, and rows, in a message."""

logger = logging.getLogger("kserve")


class Held(NamedTuple):
    """An answer that is to be sent: its id, when, and its probabilities [n, k]."""

    mark: str | bytes
    at: float
    outputs: np.ndarray


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
    ) -> None:
        """`gives_ids`: a request that has no id gets one."""
        self.model, self.gives_ids, self._send = model, gives_ids, send
        self.kept = self.dropped = 0
        self._held: deque[Held] = deque()
        self._taken = self._sent = 0  # bytes; each is written by one thread alone
        self._some, self._closing = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="feedback")
        self._is_started = False

    def keep(self, mark: str | bytes, outputs: np.ndarray) -> None:
        """Keep an answer, float32 [n, k], under its id; an id that is too long is none."""
        if len(mark) > LONGEST_ID:
            return
        size = outputs.nbytes + PER_REQUEST
        if self._taken - self._sent + size > MOST_BYTES:
            self.dropped += len(outputs)
            return
        self._taken += size
        self._held.append(Held(mark, time.time(), outputs))
        if not self._some.is_set():
            self._wake()

    def close(self) -> None:
        """Send what is left, for two seconds at most."""
        self._closing.set()
        self._some.set()
        if self._is_started:
            self._thread.join(FAREWELL_S)

    def _wake(self) -> None:
        self._some.set()
        if not self._is_started:
            self._is_started = True
            self._thread.start()

    def _run(self) -> None:
        while not self._closing.is_set():
            self._some.wait()
            self._closing.wait(GATHER_S)
            self._some.clear()
            self._drain()
        self._drain()

    def _drain(self) -> None:
        while piece := self._piece():
            found = [*answered(piece, self.model.classes is None)]
            message = wire.predictions(self.model.version, self.model.classes, found)
            self._deliver(message, sum(len(each.outputs) for each in piece))
            self._sent += sum(each.outputs.nbytes + PER_REQUEST for each in piece)

    def _piece(self) -> list[Held]:
        piece: list[Held] = []
        rows = 0
        while self._held and len(piece) < PIECE and rows < PIECE_ROWS:
            piece.append(self._held.popleft())
            rows += len(piece[-1].outputs)
        return piece

    def _deliver(self, message: bytes, rows: int) -> None:
        """Send a message until it is taken, or refused, or there is no time left."""
        while True:
            try:
                self._send(f"{self.model.url}/predictions", message)
            except CollectorError as error:
                if error.status < 500 or self._closing.is_set():
                    logger.error("feedback: %d predictions are not kept: %s", rows, error)
                    self.dropped += rows
                    return
                self._closing.wait(AGAIN_S)
            else:
                self.kept += rows
                return


def answered(held: Sequence[Held], is_number: bool) -> Iterator[Answered]:
    """Return answers as the wire has them; an id that is no plain word is none."""
    joined = np.concatenate([each.outputs for each in held])
    outputs = joined[:, 0].tolist() if is_number else joined.argmax(axis=1).tolist()
    start = 0
    for each in held:
        end = start + len(each.outputs)
        mark = each.mark.decode(errors="replace") if isinstance(each.mark, bytes) else each.mark
        if mark and mark.isprintable():
            yield Answered(mark, each.at, outputs[start:end])
        start = end
