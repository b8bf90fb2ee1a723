"""From checked cells to an answer: the one place that every protocol comes through."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter

from serving.card import Batching
from serving.feedback.keeping import Keeper
from serving.predictor.batching import Batcher
from serving.predictor.images import ImageReader
from serving.predictor.outputs import NUMBER, OUTPUTS, Outputs
from serving.predictor.requests import Checked, Reader, RequestReader, count_rows
from serving.predictor.served import Answer, ServedModel
from serving.predictor.tally import Batches, Tally
from serving.signature import Signature

INLINE_ROWS = 256
"""Up to here a prediction is quicker than handing it to a thread."""
INLINE_IMAGES = 32
"""The same for images, which take a model a hundred times as long as rows."""


class DataPlane:
    """A served model behind its signature; knows no protocol.

    `observe` is told the seconds of every prediction. With `batching`, requests of fewer rows than
    a batch takes are gathered; otherwise each is a call of its own.
    `outputs` are what an answer holds where its request names none; a number is one output.
    """

    def __init__(
        self,
        served: ServedModel,
        observe: Callable[[float], None],
        batching: Batching | None = None,
        outputs: Outputs = OUTPUTS,
    ) -> None:
        signature = served.card.signature
        self.served = served
        self.outputs = NUMBER if signature.is_number else outputs
        self.reader = _reader(signature)
        self._inline = INLINE_IMAGES if signature.image else INLINE_ROWS
        self.tally = Tally(signature.inputs, len(signature.labels), served.reference)
        self.keeper: Keeper | None = None
        """What keeps answers under their ids, where somebody collects feedback."""
        self._observe = observe
        self._batcher: Batcher | None = None
        self._least = 0
        if batching is not None:
            self._least = batching.max_rows
            self._batcher = Batcher(served.answer, signature.inputs, batching, self._ran)
            self.tally.batches = Batches()

    @property
    def is_immediate(self) -> bool:
        """Whether the usual request is answered by `now`."""
        return self._batcher is None

    def now(self, cells: Checked) -> Answer | None:
        """Return the answer to cells that the reader checked; None where it is to be awaited."""
        if not self._least <= count_rows(cells) <= self._inline:
            return None
        began = perf_counter()
        answer = self.served.answer(cells)
        self._counted(answer, began)
        return answer

    async def answer(self, cells: Checked) -> Answer:
        """Return the answer to what `now` leaves: with others', or in a thread of its own."""
        began = perf_counter()
        if self._batcher is not None and count_rows(cells) < self._least:
            answer = await self._batcher.submit(cells)
            self._observe(perf_counter() - began)
            return answer
        answer = await asyncio.to_thread(self.served.answer, cells)
        self._counted(answer, began)
        return answer

    def _counted(self, answer: Answer, began: float) -> None:
        self._observe(perf_counter() - began)
        self.tally.predicted(answer)

    def _ran(self, answer: Answer, waited: list[float]) -> None:
        self.tally.predicted(answer)
        if self.tally.batches is not None:
            self.tally.batches.ran(len(answer.probabilities), waited)


def _reader(signature: Signature) -> RequestReader:
    return ImageReader(signature.image) if signature.image else Reader(signature.inputs)
