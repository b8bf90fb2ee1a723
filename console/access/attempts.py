"""How often a login may fail: five times in a minute from an address or for a name."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

MOST = 5
WINDOW_S = 60.0
LARGEST = 10_000
"""Addresses and names that are remembered; the oldest are forgotten first."""


@dataclass
class Attempts:
    """The failures of the last minute, by address and by name."""

    failed: dict[str, deque[float]] = field(default_factory=dict)

    def wait_s(self, keys: tuple[str, ...], now: float) -> float:
        """Return the seconds until the next attempt is listened to; 0 where it is now."""
        return max((self._wait_s(key, now) for key in keys), default=0.0)

    def fail(self, keys: tuple[str, ...], now: float) -> None:
        """Remember a failure."""
        for key in keys:
            times = self.failed.pop(key, deque(maxlen=MOST))
            times.append(now)
            self.failed[key] = times
        while len(self.failed) > LARGEST:
            self.failed.pop(next(iter(self.failed)))

    def succeed(self, keys: tuple[str, ...]) -> None:
        """Forget the failures of somebody who got in."""
        for key in keys:
            self.failed.pop(key, None)

    def _wait_s(self, key: str, now: float) -> float:
        times = self.failed.get(key)
        if not times or len(times) < MOST:
            return 0.0
        return max(0.0, times[0] + WINDOW_S - now)
