"""From checked cells to an answer: the one place that every protocol comes through."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter

from serving.predictor.requests import Checked, Reader
from serving.predictor.served import Answer, ServedModel
from serving.predictor.tally import Tally

INLINE_ROWS = 256
"""Up to here a prediction is quicker than handing it to a thread."""


class DataPlane:
    """A served model behind its signature; knows no protocol.

    `observe` is told the seconds of every prediction.
    """

    def __init__(self, served: ServedModel, observe: Callable[[float], None]) -> None:
        signature = served.card.signature
        self.served = served
        self.reader = Reader(signature.inputs)
        self.tally = Tally(signature.inputs, len(signature.labels))
        self._observe = observe

    async def answer(self, cells: Checked) -> Answer:
        """Return the answer to cells that the reader has checked; a big batch leaves the loop."""
        began = perf_counter()
        rows = len(cells) if not isinstance(cells, dict) else len(next(iter(cells.values())))
        if rows <= INLINE_ROWS:
            answer = self.served.answer(cells)
        else:
            answer = await asyncio.to_thread(self.served.answer, cells)
        self._observe(perf_counter() - began)
        self.tally.predicted(answer)
        return answer
