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

    @property
    def is_immediate(self) -> bool:
        """Whether the usual request is answered by `now`."""
        return True

    def now(self, cells: Checked) -> Answer | None:
        """Return the answer to cells that the reader checked; None where it is to be awaited."""
        if _rows(cells) > INLINE_ROWS:
            return None
        began = perf_counter()
        answer = self.served.answer(cells)
        self._counted(answer, began)
        return answer

    async def answer(self, cells: Checked) -> Answer:
        """Return the answer to what `now` leaves: a big batch does not hold up the event loop."""
        began = perf_counter()
        answer = await asyncio.to_thread(self.served.answer, cells)
        self._counted(answer, began)
        return answer

    def _counted(self, answer: Answer, began: float) -> None:
        self._observe(perf_counter() - began)
        self.tally.predicted(answer)


def _rows(cells: Checked) -> int:
    return len(next(iter(cells.values()))) if isinstance(cells, dict) else len(cells)
