"""The predictor's end: what was answered under an id is kept, and sent on in batches.

A request pays for one append. A task of the event loop wakes when something was kept, gathers for a
quarter of a second, and sends what there is, some hundred rows at a time, so that it never holds
the loop for long. While the collector is away rows wait, up to `MOST_BYTES`; then they are dropped,
which is counted. A process that is killed loses what it had not sent: half a second's predictions.
Labels never wait here: they are acknowledged by the collector.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic, time
from typing import Any, NamedTuple, Protocol

import numpy as np

from serving.feedback import wire
from serving.feedback.calling import CollectorError
from serving.feedback.line import Line
from serving.feedback.truths import class_text
from serving.feedback.wire import LONGEST_ID, Answered

FAREWELL_S = 2.0
MOST_BYTES = 32 * 2**20
PER_REQUEST = 300
"""Bytes that an answer takes beside its numbers."""
PIECE, PIECE_ROWS = 512, 4096
"""Requests, and rows, in a message: half a millisecond of the event loop."""

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


class Sends(Protocol):
    """What takes messages to the collector: a `Line`."""

    async def send(self, message: bytes) -> None:
        """Send a message; return when it was taken. Raises CollectorError."""
        ...

    def send_now(self, message: bytes, patience_s: float) -> None:
        """Do the same without an event loop."""
        ...

    def close(self) -> None:
        """Close what is open."""
        ...


class _Piece(NamedTuple):
    """A message, how many requests and rows it has, and what these take of the memory."""

    message: bytes
    requests: int
    rows: int
    size: int


class Keeper:
    """Keeps answers and sends them; for the thread of one event loop, `close` for after it."""

    def __init__(
        self,
        model: Model,
        gives_ids: bool = False,
        line: Sends | None = None,
        pace: Pace | None = None,
    ) -> None:
        """`gives_ids`: a request that has no id gets one."""
        self.model, self.gives_ids = model, gives_ids
        self._line = line or Line(f"{model.url}/predictions")
        self._pace = pace or Pace()
        self.kept = self.dropped = 0
        # Id, time and numbers of each answer, one behind the other: a tuple for each would be one
        # more object that lives on, which the garbage collector looks at again and again.
        self._held: deque[Any] = deque()
        self._under_way: _Piece | None = None
        self._size = 0
        self._is_resting = True
        self._some = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def keep(self, mark: str | bytes, outputs: np.ndarray) -> None:
        """Keep an answer, float32 [n, k], under its id; an id that is too long is none."""
        size = self._size + outputs.nbytes + PER_REQUEST
        if size > MOST_BYTES or len(mark) > LONGEST_ID:
            self.dropped += len(outputs)
            return
        self._size = size
        self._held.extend((mark, time(), outputs))
        if self._is_resting:
            self._wake()

    def close(self) -> None:
        """Send what is left, for two seconds at most; the event loop has ended."""
        end = monotonic() + FAREWELL_S
        while (left_s := end - monotonic()) > 0 and (piece := self._next()):
            try:
                self._line.send_now(piece.message, left_s)
            except CollectorError as error:
                self._give_up(piece, error)
                if error.status >= 500:
                    break
            else:
                self._took(piece)
        if requests := len(self._held) // 3:
            logger.error("feedback: %d more requests are not kept", requests)

    def _wake(self) -> None:
        self._is_resting = False
        self._some.set()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        try:
            while True:
                await self._some.wait()
                await asyncio.sleep(self._pace.gather_s)
                await self._send_on()
                self._is_resting = not self._held
                if self._is_resting:
                    self._some.clear()
        finally:
            self._line.close()

    async def _send_on(self) -> None:
        """Send what is held; what comes meanwhile is gathered for the next time."""
        requests = len(self._held) // 3
        while requests > 0 and (piece := self._next()):
            await self._deliver(piece)
            requests -= piece.requests

    async def _deliver(self, piece: _Piece) -> None:
        """Send a message until it is taken, or refused."""
        is_news = True
        while True:
            try:
                await self._line.send(piece.message)
            except CollectorError as error:
                if error.status < 500:
                    self._give_up(piece, error)
                    return
                if is_news:
                    logger.warning("feedback: predictions wait: %s", error)
                is_news = False
                await asyncio.sleep(self._pace.again_s)
            else:
                self._took(piece)
                return

    def _took(self, piece: _Piece) -> None:
        self.kept += piece.rows
        self._forget(piece)

    def _give_up(self, piece: _Piece, error: CollectorError) -> None:
        logger.error("feedback: %d predictions are not kept: %s", piece.rows, error)
        self.dropped += piece.rows
        self._forget(piece)

    def _forget(self, piece: _Piece) -> None:
        self._size -= piece.size
        self._under_way = None

    def _next(self) -> _Piece | None:
        """Return what is under way, else the next message; None where nothing is held."""
        if self._under_way is None and self._held:
            self._under_way = self._taken()
        return self._under_way

    def _taken(self) -> _Piece:
        take, rows = self._held.popleft, list[int]()
        marks: list[str | bytes] = []
        moments: list[float] = []
        outputs: list[np.ndarray] = []
        total = 0
        while self._held and len(marks) < PIECE and total < PIECE_ROWS:
            marks.append(take())
            moments.append(take())
            outputs.append(take())
            rows.append(len(outputs[-1]))
            total += rows[-1]
        joined, classes = np.concatenate(outputs), self.model.classes
        flat = joined[:, 0] if classes is None else joined.argmax(axis=1)
        ids = [mark if isinstance(mark, str) else mark.decode(errors="replace") for mark in marks]
        answered = Answered(ids, moments, rows, flat.tolist())
        message = wire.predictions(self.model.version, classes, answered)
        return _Piece(message, len(marks), total, joined.nbytes + PER_REQUEST * len(marks))
