"""How long to wait before a process that died is started again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Backoff:
    """Waits that double from `first_s` to `ceiling_s`; health for `reset_s` starts them anew."""

    first_s: float = 0.5
    ceiling_s: float = 30.0
    reset_s: float = 60.0
    next_s: float | None = None

    def after(self, healthy_s: float) -> tuple[float, Backoff]:
        """Return how long to wait now, and the backoff for the next time."""
        fresh = self.next_s is None or healthy_s >= self.reset_s
        wait = self.first_s if fresh or self.next_s is None else self.next_s
        doubled = min(wait * 2, self.ceiling_s)
        return wait, Backoff(self.first_s, self.ceiling_s, self.reset_s, doubled)
