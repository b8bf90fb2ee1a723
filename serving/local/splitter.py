"""Shares of traffic as a fixed sequence, so that a split is exact and not merely likely."""

from __future__ import annotations

from collections.abc import Mapping
from math import gcd

from serving.errors import UsageError


def sequence(shares: Mapping[str, int]) -> tuple[str, ...]:
    """Return the shortest cycle in which every name appears in proportion to its share.

    Smooth weighted round robin: each turn every name gains its share, the richest is chosen and
    pays the total. The names are spread evenly, and since the cycle's length divides the total,
    every window of `sum(shares)` consecutive choices holds each name exactly its share.
    """
    total = sum(shares.values())
    credit = dict.fromkeys(shares, 0)
    cycle = []
    for _ in range(total // gcd(*shares.values()) if total else 0):
        for name, share in shares.items():
            credit[name] += share
        chosen = max(credit, key=credit.__getitem__)
        credit[chosen] -= total
        cycle.append(chosen)
    return tuple(cycle)


class Splitter:
    """Deals requests out to names by their percents, exactly in any 100 consecutive ones."""

    def __init__(self, percents: Mapping[str, int]) -> None:
        """Start a new sequence; the percents add up to 100, or there are none at all."""
        if percents and (min(percents.values()) < 0 or sum(percents.values()) != 100):
            raise UsageError(
                f"a traffic block needs percents from 0 to 100 that add up to 100, this one has "
                f"{dict(percents)}; correct the percents"
            )
        self.percents = dict(percents)
        self._cycle = sequence(self.percents)
        self._position = 0

    def next(self) -> str | None:
        """Return the name that the next request goes to; None when there is nobody."""
        if not self._cycle:
            return None
        chosen = self._cycle[self._position]
        self._position = (self._position + 1) % len(self._cycle)
        return chosen

    def updated(self, percents: Mapping[str, int]) -> Splitter:
        """Return the splitter for these percents: this one, in its place, if they are equal."""
        return self if dict(percents) == self.percents else Splitter(percents)
