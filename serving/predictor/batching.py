"""Cells of requests that are under way together, as one call of the model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import NamedTuple

import numpy as np

from serving.card import Batching
from serving.predictor.requests import Checked, count_rows
from serving.predictor.served import Answer
from serving.signature import Column, encode

Ran = Callable[[Answer, list[float]], None]
"""Is told the answer to every batch, and the seconds that each of its requests had waited."""


class _Waiting(NamedTuple):
    cells: Checked
    rows: int
    answer: asyncio.Future[Answer]
    since: float


class Batcher:
    """Gathers cells in the event loop, asks the model once, and shares out the answer in order.

    A batch goes to the model when it has `max_rows`; otherwise when all that the loop had read is
    in it, or `max_wait_us` after its first request. What clients send while the model computes is
    read at once afterwards and becomes the next batch: under load batches grow without waiting.
    More than `max_rows` rows are never held; requests beyond that wait in the loop, where the limit
    of requests under way counts them.
    """

    def __init__(
        self,
        ask: Callable[[Checked], Answer],
        inputs: tuple[Column, ...],
        batching: Batching,
        ran: Ran,
    ) -> None:
        self._ask, self._inputs, self._ran = ask, inputs, ran
        self._is_numeric = all(column.kind != "text" for column in inputs)
        self._most = batching.max_rows
        self._wait_s = batching.max_wait_us / 1e6
        self._held: list[_Waiting] = []
        self._rows = 0
        self._due: asyncio.Handle | None = None

    def submit(self, cells: Checked) -> asyncio.Future[Answer]:
        """Return the answer to be, in the calling event loop; cancelled, it leaves the batch.

        Where the model fails, every request of the batch gets its error.
        """
        loop = asyncio.get_running_loop()
        rows, answer = count_rows(cells), loop.create_future()
        if self._rows + rows > self._most:
            self._flush()
        self._held.append(_Waiting(self._encoded(cells), rows, answer, perf_counter()))
        self._rows += rows
        if self._rows >= self._most:
            self._flush()
        elif self._due is None:
            self._due = self._schedule(loop)
        return answer

    def _schedule(self, loop: asyncio.AbstractEventLoop) -> asyncio.Handle:
        if self._wait_s:
            return loop.call_later(self._wait_s, self._flush)
        return loop.call_soon(self._flush)

    def _encoded(self, cells: Checked) -> Checked:
        """Return cells that can be joined: a value alone and among others must be the same."""
        if isinstance(cells, np.ndarray):
            return cells
        columns = encode(self._inputs, cells)
        return np.concatenate([*columns.values()], axis=1) if self._is_numeric else {**columns}

    def _flush(self) -> None:
        if self._due is not None:
            self._due.cancel()
        batch = [each for each in self._held if not each.answer.cancelled()]
        self._held, self._rows, self._due = [], 0, None
        if batch:
            self._run(batch)

    def _run(self, batch: list[_Waiting]) -> None:
        began = perf_counter()
        try:
            answer = self._ask(_joined([each.cells for each in batch]))
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear it
            for each in batch:
                each.answer.set_exception(error)
            return
        end = 0
        for each in batch:
            start, end = end, end + each.rows
            each.answer.set_result(_part(answer, start, end))
        self._ran(answer, [began - each.since for each in batch])


def _joined(parts: Sequence[Checked]) -> Checked:
    first = parts[0]
    if len(parts) == 1:
        return first
    if isinstance(first, np.ndarray):
        return np.concatenate(parts)  # type: ignore[arg-type]
    return {name: np.concatenate([part[name] for part in parts]) for name in first}


def _part(answer: Answer, start: int, end: int) -> Answer:
    classes, numbers, probabilities, texts = answer
    parts = tuple([text[start:end] for text in texts])
    return Answer(classes, numbers[start:end], probabilities[start:end], parts)
