"""What was counted on each revision, and the difference between two looks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

Buckets = tuple[int, ...]


@dataclass(frozen=True)
class Counts:
    """Requests, errors and latencies of one revision since some moment.

    `errors` are answers of 500 and above, and no answer at all. `buckets[i]` counts the requests
    that took at most `bounds[i]` seconds and more than the bound before it; the last bound is inf.
    `classes`: predicted rows by label; `confidence`: rows by the probability of their label, as
    `buckets` are. Both stay empty where the source cannot see predictions.
    """

    requests: int = 0
    errors: int = 0
    buckets: Buckets = ()
    bounds: tuple[float, ...] = ()
    classes: Mapping[str, int] = field(default_factory=dict)
    confidence: Buckets = ()
    confidence_bounds: tuple[float, ...] = ()

    @property
    def error_rate(self) -> float:
        """Share of failed requests, 0 where there were none."""
        return self.errors / self.requests if self.requests else 0.0

    def since(self, baseline: Counts) -> Counts:
        """Return what came on top of `baseline`."""
        return Counts(
            requests=self.requests - baseline.requests,
            errors=self.errors - baseline.errors,
            buckets=_less(self.buckets, baseline.buckets),
            bounds=self.bounds,
            classes={
                label: rows - baseline.classes.get(label, 0) for label, rows in self.classes.items()
            },
            confidence=_less(self.confidence, baseline.confidence),
            confidence_bounds=self.confidence_bounds,
        )

    def quantile(self, q: float) -> float:
        """Return the latency in seconds that a share `q` stayed within; NaN without requests.

        Linear inside a bucket; what lies beyond the last finite bound counts as that bound.
        """
        wanted, seen = q * sum(self.buckets), 0
        for low, high, count in self._edges():
            if count and seen + count >= wanted:
                return low + (high - low) * (wanted - seen) / count
            seen += count
        return math.nan

    def slower(self, seconds: float) -> int:
        """Return how many requests took longer than `seconds`, which is one of the bounds."""
        pairs = zip(self.bounds, self.buckets, strict=False)
        return sum(count for bound, count in pairs if bound > seconds)

    def _edges(self) -> list[tuple[float, float, int]]:
        lows = (0.0, *self.bounds)
        return [
            (low, high if math.isfinite(high) else low, count)
            for low, high, count in zip(lows, self.bounds, self.buckets, strict=False)
        ]


def _less(now: Buckets, before: Buckets) -> Buckets:
    return tuple(a - b for a, b in zip_longest(now, before, fillvalue=0))


@dataclass(frozen=True)
class Shadowed:
    """What came of asking both revisions the same rows before the canary got any traffic.

    rows            that both answered; `differ` of them with another label
    canary_failed   rows that the canary did not answer, of `asked`; `stable_failed` likewise
    examples        a few differences or failures as sentences, for people
    """

    asked: int = 0
    rows: int = 0
    differ: int = 0
    canary_failed: int = 0
    stable_failed: int = 0
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class Observation:
    """One reading of a source. Counters of different epochs must not be subtracted."""

    epoch: float
    at: float
    revisions: Mapping[str, Counts] = field(default_factory=dict)

    def of(self, revision: str) -> Counts:
        """Return the counts of a revision; one that had no request yet counts zero."""
        return self.revisions.get(revision, Counts())

    def only(self, *revisions: str) -> Observation:
        """Return the same reading without the other revisions."""
        return Observation(self.epoch, self.at, {name: self.of(name) for name in revisions})

    def continues(self, baseline: Observation) -> bool:
        """Say whether these counters grew out of the baseline's: same epoch, none went back."""
        return self.epoch == baseline.epoch and all(
            self.of(name).requests >= before.requests and self.of(name).errors >= before.errors
            for name, before in baseline.revisions.items()
        )

    def to_json(self) -> dict[str, Any]:
        """Return a compact JSON value, without the bounds: the next reading brings them along."""
        counts = {name: _packed(found) for name, found in self.revisions.items()}
        return {"epoch": self.epoch, "at": self.at, "revisions": counts}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Observation:
        """Return the observation that `to_json` wrote."""
        found = {name: _unpacked(packed) for name, packed in value["revisions"].items()}
        return cls(float(value["epoch"]), float(value["at"]), found)


@dataclass(frozen=True)
class NotMeasured:
    """Nobody could tell, and why; that is neither good nor bad."""

    reason: str


def _packed(counts: Counts) -> list[Any]:
    """Return requests, errors, the first filled bucket and the filled stretch of buckets."""
    filled = [index for index, count in enumerate(counts.buckets) if count]
    first, end = (filled[0], filled[-1] + 1) if filled else (0, 0)
    return [counts.requests, counts.errors, first, list(counts.buckets[first:end])]


def _unpacked(packed: list[Any]) -> Counts:
    requests, errors, first, stretch = packed
    return Counts(requests, errors, (0,) * first + tuple(stretch))
