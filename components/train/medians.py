"""The median of a column of any length, exactly and in bounded memory, by looking at it twice.

float32 sorts as its bits do: the first look counts numbers by their upper half, which tells the
place of the middle; the second one counts those that share the upper half of the middle.
"""

from __future__ import annotations

import numpy as np

HALF = 16
COUNTERS = 1 << HALF


class Median:
    """Counts a column's numbers; `first` sees all of them, then `second` sees all of them again."""

    def __init__(self) -> None:
        self._upper = np.zeros(COUNTERS, np.int64)
        self._lower: dict[int, np.ndarray] = {}

    def first(self, values: np.ndarray) -> None:
        """Count numbers, float32 without NaN."""
        self._upper += np.bincount(_keys(values) >> HALF, minlength=COUNTERS)

    def second(self, values: np.ndarray) -> None:
        """Count them again."""
        if not self._lower:
            self._lower = {upper: np.zeros(COUNTERS, np.int64) for upper, _ in self._middle()}
        keys = _keys(values)
        for upper, counts in self._lower.items():
            lower = keys[keys >> HALF == upper] & (COUNTERS - 1)
            counts += np.bincount(lower, minlength=COUNTERS)

    @property
    def value(self) -> float:
        """The median of what was seen twice; 0 where there was nothing, as in scikit-learn."""
        keys = [
            upper << HALF | int(np.searchsorted(self._lower[upper].cumsum(), rank, "right"))
            for upper, rank in self._middle()
            if upper in self._lower
        ]
        return float(np.mean([_number(key) for key in keys], dtype=np.float32)) if keys else 0.0

    def _middle(self) -> list[tuple[int, int]]:
        """Return the upper half of the one or two numbers in the middle, and the rank among it."""
        below = self._upper.cumsum()
        seen = int(below[-1])
        ranks = {(seen - 1) // 2, seen // 2} if seen else set()
        uppers = [(int(np.searchsorted(below, rank, "right")), rank) for rank in sorted(ranks)]
        return [(upper, rank - int(below[upper] - self._upper[upper])) for upper, rank in uppers]


def _keys(values: np.ndarray) -> np.ndarray:
    """Return uint32 that sort as the numbers do; both zeros are one."""
    bits = (values + np.float32(0)).view(np.uint32)
    return np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31)).astype(np.int64)


def _number(key: int) -> np.float32:
    bits = key & 0x7FFFFFFF if key >> 31 else ~key & 0xFFFFFFFF
    return np.uint32(bits).view(np.float32)
