"""What the revisions of a service were asked, moment by moment: differences of counters. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from serving.rollout.observation import Counts, Observation

RECENT_S = 60.0
"""What is measured now is measured over this time."""
MOST_POINTS = 600


@dataclass(frozen=True)
class Numbers:
    """Requests of one revision in some time: failed ones, and how long they took, in seconds.

    `share`: of all requests of the service in that time; None where it had none. The percentiles
    are None without requests, or where the source has no latencies.
    """

    revision: str
    requests: int = 0
    errors: int = 0
    share: float | None = None
    p50_s: float | None = None
    p95_s: float | None = None

    @property
    def error_rate(self) -> float | None:
        """Share of failed requests, None without any."""
        return self.errors / self.requests if self.requests else None


@dataclass(frozen=True)
class Point:
    """The numbers of one moment: `at` seconds since 1970, gathered over `seconds`."""

    at: float
    seconds: float
    numbers: tuple[Numbers, ...]


def numbers(seen: Observation, since: Observation | None = None) -> tuple[Numbers, ...]:
    """Return the numbers of every revision since another reading, or since the counters began."""
    known = since if since is not None and since.epoch == seen.epoch else None
    counted = {
        name: counts.since(known.of(name)) if known else counts
        for name, counts in seen.revisions.items()
    }
    total = sum(max(each.requests, 0) for each in counted.values())
    return tuple(_numbers(name, counted[name], total) for name in sorted(counted))


def point(seen: Observation, before: Observation) -> Point | None:
    """Return what happened between two readings, None where their counters are not comparable."""
    if seen.epoch != before.epoch or seen.at <= before.at:
        return None
    return Point(seen.at, seen.at - before.at, numbers(seen, before))


def recent(readings: Iterable[Observation], now: float) -> Observation | None:
    """Return the latest reading that is a minute old, or the oldest there is."""
    found = list(readings)
    old = [each for each in found if each.at <= now - RECENT_S]
    return old[-1] if old else found[0] if found else None


def _numbers(revision: str, counts: Counts, total: int) -> Numbers:
    # A counter that went back was another process's: nothing is known of this moment.
    if counts.requests < 0 or any(count < 0 for count in counts.buckets):
        return Numbers(revision)
    return Numbers(
        revision,
        counts.requests,
        counts.errors,
        counts.requests / total if total else None,
        _known(counts.quantile(0.5)),
        _known(counts.quantile(0.95)),
    )


def _known(seconds: float) -> float | None:
    return round(seconds, 6) if math.isfinite(seconds) else None
