"""Counters of any exporter, under keys of our own, and the counts that they stand for."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import pairwise

from serving.rollout.observation import Counts

CODE, SECONDS, LABEL, CONFIDENCE = "code", "seconds", "label", "confidence"

Key = tuple[str, str]
"""One of the four words above, and a code, a bound ("0.005", "inf") or a label.

Bounds are of cumulative buckets, as Prometheus has them.
"""
Counters = Mapping[Key, int]

REFUSED = frozenset({400, 422})
"""What a version answers to rows that do not fit it. Who asks wrongly asks both revisions so; a
canary that alone refuses them has other columns than its callers send."""


def whole(value: float, what: str) -> int:
    """Return a counter's value. Raises ValueError where it is none: NaN, infinite, negative."""
    if not math.isfinite(value) or value < 0:
        raise ValueError(f"{what} is {value:g}, which is no count")
    return int(value)


def bound(text: str, scale: float = 1.0) -> str:
    """Return a bucket's upper bound, times `scale`, as a key has it. Raises ValueError."""
    value = float(text) * scale
    if math.isnan(value):
        raise ValueError("a bucket has no bound")
    return f"{value:.12g}"


def added(first: Counters, more: Counters) -> Counters:
    """Return the sums."""
    total = Counter(first)
    total.update(more)
    return total


def since(now: Counters, before: Counters) -> Counters | None:
    """Return what came on top of `before`, None where any counter went back."""
    if any(now.get(key, 0) < count for key, count in before.items()):
        return None
    return {key: count - before.get(key, 0) for key, count in now.items()}


def counts(counters: Counters) -> Counts:
    """Return what the counters say of a revision.

    Raises ValueError for a code that is no number and for buckets that contradict each other.
    """
    codes = {_status(code): count for code, count in _of(counters, CODE).items()}
    bounds, buckets = _buckets(_of(counters, SECONDS).items(), "latency")
    sure, confidence = _buckets(_of(counters, CONFIDENCE).items(), "confidence")
    return Counts(
        requests=sum(codes.values()),
        errors=sum(count for code, count in codes.items() if code >= 500 or code in REFUSED),
        buckets=buckets,
        bounds=bounds,
        classes=_of(counters, LABEL),
        confidence=confidence,
        confidence_bounds=sure,
    )


def _status(code: str) -> int:
    if not code.isdecimal():
        raise ValueError(f"{code!r} is no status of an answer")
    return int(code)


def _of(counters: Counters, kind: str) -> dict[str, int]:
    return {word: count for (known, word), count in sorted(counters.items()) if known == kind}


def _buckets(
    cumulative: Iterable[tuple[str, int]], what: str
) -> tuple[tuple[float, ...], tuple[int, ...]]:
    """Return the bounds, and how many lie below each and above the one before it."""
    rising = sorted((float(limit), total) for limit, total in cumulative)
    if rising and not math.isinf(rising[-1][0]):
        raise ValueError(f"its {what} has no bucket +Inf")
    found = tuple(after - before for before, after in pairwise([0, *(n for _, n in rising)]))
    if any(count < 0 for count in found):
        raise ValueError(f"its {what} has buckets that fall, as if two readings were mixed")
    return tuple(limit for limit, _ in rising), found
