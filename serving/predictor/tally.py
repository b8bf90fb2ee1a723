"""What a predictor did, counted cheaply while it answers and summed up when somebody asks.

Rows are copied into a buffer and counted many at a time: that costs a microsecond a request
where counting each row for itself would cost twenty.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from serving.predictor.served import Answer
from serving.predictor.sketches import Sketches
from serving.signature import Column
from serving.sketch import Reference

HELD = 512
"""Rows, and seconds, that are gathered before they are counted."""

SECONDS = (
    *(0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005),
    *(0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0),
)
BATCH_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
CONFIDENCE = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)


class Distribution:
    """How many values fell below each bound, and their sum."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = np.zeros(len(bounds) + 1, np.int64)
        self.sum = 0.0

    def add(self, values: np.ndarray) -> None:
        """Count the values; one that equals a bound lies below it."""
        places = np.searchsorted(self.bounds, values)
        self.counts += np.bincount(places, minlength=len(self.counts))
        self.sum += float(values.sum())


class Protocol:
    """The requests of one protocol: how many by code, and how long they took."""

    def __init__(self) -> None:
        self.codes: dict[int, int] = {}
        self.seconds = Distribution(SECONDS)
        self._held: list[float] = []

    def answered(self, code: int, seconds: float) -> None:
        """Count a request."""
        self.codes[code] = self.codes.get(code, 0) + 1
        self._held.append(seconds)
        if len(self._held) >= HELD:
            self.sum_up()

    def sum_up(self) -> None:
        """Count what is held."""
        if self._held:
            self.seconds.add(np.array(self._held))
            self._held.clear()


class Batches:
    """The batches of requests that were gathered: their rows, and how long each request waited."""

    def __init__(self) -> None:
        self.rows = Distribution(BATCH_ROWS)
        self.waited = Distribution(SECONDS)
        self._rows: list[int] = []
        self._waited: list[float] = []

    def ran(self, rows: int, waited: list[float]) -> None:
        """Count a batch, and the seconds that its requests had waited."""
        self._rows.append(rows)
        self._waited += waited
        if len(self._waited) >= HELD:
            self.sum_up()

    def sum_up(self) -> None:
        """Count what is held."""
        if self._rows:
            self.rows.add(np.array(self._rows))
            self.waited.add(np.array(self._waited))
            self._rows.clear()
            self._waited.clear()


class Tally:
    """All counts of one model. Lives in one thread: that of the event loop."""

    def __init__(
        self, inputs: Sequence[Column], classes: int, reference: Reference | None = None
    ) -> None:
        numbers = [column for column in inputs if column.kind != "text"]
        self.features = tuple(column.name for column in numbers)
        self.running = 0
        self.protocols: dict[str, Protocol] = {}
        self.batches: Batches | None = None
        self.by_class = np.zeros(classes, np.int64)
        self.confidence = Distribution(CONFIDENCE)
        self.out_of_range = np.zeros(len(numbers), np.int64)
        self._low, self._high = _bounds(numbers)
        self.sketches = None if reference is None else Sketches(inputs, reference)
        self._rows = 0
        self._texts: list[tuple[np.ndarray, ...]] = []
        self._numbers = np.zeros((HELD, len(numbers)), np.float32)
        self._probabilities = np.zeros((HELD, classes or 1), np.float32)

    def protocol(self, name: str) -> Protocol:
        """Return the counts of one protocol."""
        return self.protocols.setdefault(name, Protocol())

    def predicted(self, answer: Answer) -> None:
        """Count the rows of an answer."""
        _, numbers, probabilities, texts = answer
        end = self._rows + len(probabilities)
        if end > HELD:
            self.sum_up()
            end = len(probabilities)
        if end > HELD:
            self._count(numbers, probabilities, [texts])
            return
        self._numbers[self._rows : end] = numbers
        self._probabilities[self._rows : end] = probabilities
        self._texts.append(texts)
        self._rows = end

    def sum_up(self) -> None:
        """Count everything that is held."""
        rows, self._rows = self._rows, 0
        if rows:
            self._count(self._numbers[:rows], self._probabilities[:rows], self._texts)
            self._texts.clear()
        for protocol in self.protocols.values():
            protocol.sum_up()
        if self.batches is not None:
            self.batches.sum_up()

    def _count(
        self,
        numbers: np.ndarray,
        probabilities: np.ndarray,
        texts: Sequence[tuple[np.ndarray, ...]],
    ) -> None:
        if len(self.by_class):  # a number is of no class, and has no confidence
            best = probabilities.argmax(axis=1)
            self.by_class += np.bincount(best, minlength=len(self.by_class))
            self.confidence.add(probabilities.max(axis=1))
        if self.sketches is not None:
            self.sketches.add(numbers, texts, probabilities)
        # A missing number (NaN) is neither below nor above.
        self.out_of_range += ((numbers < self._low) | (numbers > self._high)).sum(axis=0)


def _bounds(columns: Sequence[Column]) -> tuple[np.ndarray, np.ndarray]:
    """Return the least and the greatest numbers seen in training, as the model sees numbers."""
    low = [-np.inf if column.minimum is None else column.minimum for column in columns]
    high = [np.inf if column.maximum is None else column.maximum for column in columns]
    return np.array(low, np.float32), np.array(high, np.float32)
