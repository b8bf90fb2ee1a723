"""The curves of a training as they grow: gathered, and handed on at most once a second."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING

from serving.figures import figure

if TYPE_CHECKING:
    from components.models.epochs import Epoch

EVERY_S = 1.0
"""A write to SQLite takes some ten milliseconds, an epoch of a small table one."""


class Curves:
    """Gathers epochs, hands them on every `EVERY_S` seconds, and what is left when it is closed.

    `tell` hears a line each time but the last: a training that takes longer says where it is.
    """

    def __init__(
        self,
        hand_on: Callable[[Sequence[Epoch]], None],
        tell: Callable[[str], None],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._hand_on, self._tell, self._clock = hand_on, tell, clock
        self._epochs: list[Epoch] = []
        self._handed_on = 0
        self._last = clock()

    def __enter__(self) -> Curves:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._flush()

    def watch(self, epoch: Epoch) -> None:
        """Take in an epoch."""
        self._epochs.append(epoch)
        if self._clock() - self._last >= EVERY_S:
            self._flush()
            self._tell(told(epoch))
            self._last = self._clock()

    def by_name(self) -> dict[str, list[float]]:
        """Return what was measured, epoch by epoch, for each name."""
        names = self._epochs[0].values if self._epochs else ()
        return {name: [epoch.values[name] for epoch in self._epochs] for name in names}

    def _flush(self) -> None:
        new, self._handed_on = self._epochs[self._handed_on :], len(self._epochs)
        if new:
            self._hand_on(new)


def told(epoch: Epoch) -> str:
    """Return an epoch in one line."""
    values = ", ".join(f"{name} {figure(value)}" for name, value in epoch.values.items())
    return f"epoch {epoch.number}: {values}"
