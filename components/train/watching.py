"""What a training uses, looked at beside it and handed on as it goes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from types import TracebackType

from components import telling
from components.usage import Sample, Usage, keep, keep_looks

HAND_ON_S = 5.0
"""A write to SQLite takes some ten milliseconds."""


class Watching:
    """Looks at what this process uses, in a thread, until the block is left.

    What it saw is handed on as soon as `to` has said where. Nothing here can fail a training: what
    goes wrong is a note, and then no more is handed on.
    """

    def __init__(self, usage: Usage | None = None) -> None:
        self._usage = usage or Usage()
        self._hand_on: Callable[[Sequence[Sample]], None] | None = None
        self._handed_on = self._kept = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="usage", daemon=True)

    def __enter__(self) -> Watching:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()
        self._usage.look(last=True)
        self._flush()
        keep(self._usage)

    def to(self, hand_on: Callable[[Sequence[Sample]], None]) -> Watching:
        """Hand on to this from now on, beginning with what was seen before."""
        self._hand_on = hand_on
        return self

    def _watch(self) -> None:
        last = 0.0
        while not self._over.wait(self._usage.pause_s):
            self._usage.look()
            at = self._usage.samples[-1].at if self._usage.samples else 0.0
            if at - last >= HAND_ON_S:
                last = at
                self._flush()

    def _flush(self) -> None:
        unkept = self._usage.samples[self._kept :]
        self._kept += len(unkept)
        keep_looks(unkept)
        hand_on, new = self._hand_on, self._usage.samples[self._handed_on :]
        if hand_on is None or not new:
            return
        self._handed_on += len(new)
        try:
            hand_on(new)
        except Exception as error:  # noqa: BLE001 - whatever a store raises; the training goes on
            self._hand_on = None
            telling.note(f"what the training uses is not recorded any more: {error}")
