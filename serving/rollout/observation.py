"""What was counted on each revision, and the difference between two looks."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from itertools import zip_longest
from typing import Any

Buckets = tuple[int, ...]

REST = "*"
"""The label that stands for all classes that are not told apart."""
TOLD_APART = 8
"""Classes, at most: with the rest of them a state stays small, whatever a model predicts."""
LONGEST_LABEL = 20
"""Bytes."""


@dataclass(frozen=True)
class Counts:
    """Requests, errors and latencies of one revision since some moment.

    `errors` are answers of 500 and above, no answer at all, and rows that were refused as not
    fitting the model (400, 422). `buckets[i]` counts the requests that took at most `bounds[i]`
    seconds and more than the bound before it; the last bound is inf. `classes`: predicted rows by
    label; `confidence`: rows by the probability of their label, as `buckets` are. Both stay empty
    where the source cannot see predictions.
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
            classes=self._classes_since(baseline),
            confidence=self._confidence_since(baseline),
            confidence_bounds=self.confidence_bounds,
        )

    def _classes_since(self, baseline: Counts) -> Mapping[str, int]:
        """Return nothing where a predictor restarted, or was not to be seen before.

        A difference of errors must not wait for that: who crashes again and again is bad.
        """
        if not self.classes or not baseline.classes:
            return {} if baseline.requests or baseline.classes else self.classes
        now = self.classes
        if REST in baseline.classes:
            now = self.grouped([label for label in baseline.classes if label != REST]).classes
        less = {label: rows - baseline.classes.get(label, 0) for label, rows in now.items()}
        return less if min(less.values()) >= 0 and not set(baseline.classes) - set(now) else {}

    def _confidence_since(self, baseline: Counts) -> Buckets:
        if not self.confidence or not baseline.confidence:
            return () if baseline.requests or baseline.confidence else self.confidence
        less = _less(self.confidence, baseline.confidence)
        return less if min(less) >= 0 else ()

    def grouped(self, labels: Iterable[str]) -> Counts:
        """Return the counts with these classes (as `leading` names them), and all others as one."""
        if not self.classes:
            return self
        rows = Counter(dict.fromkeys((*labels, REST), 0))
        for label, count in self.classes.items():
            short = _short(label)
            rows[short if short in rows else REST] += count
        return replace(self, classes=dict(rows))

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


def leading(*counts: Counts) -> tuple[str, ...]:
    """Return the labels of the most frequent classes, long ones shortened."""
    rows: Counter[str] = Counter()
    for found in counts:
        for label, count in found.classes.items():
            rows[_short(label)] += count
    del rows[REST]
    return tuple(sorted(rows, key=lambda label: (-rows[label], label))[:TOLD_APART])


def _short(label: str) -> str:
    """Return a label that fits into a state, readable and nearly surely like no other."""
    if len(label.encode()) <= LONGEST_LABEL and label.isprintable():
        return label
    readable = "".join(sign for sign in label if sign.isprintable()).encode()
    start = readable[: LONGEST_LABEL - 9].decode(errors="ignore")
    return f"{start}~{sha256(label.encode()).hexdigest()[:8]}"


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

    def grouped(self, labels: tuple[str, ...]) -> Observation:
        """Return it with few classes: these, or the most frequent ones where none are given."""
        chosen = labels or leading(*self.revisions.values())
        kept = {name: counts.grouped(chosen) for name, counts in self.revisions.items()}
        return replace(self, revisions=kept)

    def continues(self, baseline: Observation) -> bool:
        """Say whether these counters grew out of the baseline's: same epoch, none went back."""
        return self.epoch == baseline.epoch and all(
            self.of(name).requests >= before.requests and self.of(name).errors >= before.errors
            for name, before in baseline.revisions.items()
        )

    def to_json(self) -> dict[str, Any]:
        """Return a compact JSON value, without the bounds: the next reading brings them along."""
        labels = sorted({label for found in self.revisions.values() for label in found.classes})
        counts = {name: _packed(found, labels) for name, found in self.revisions.items()}
        return {"epoch": self.epoch, "at": self.at, "labels": labels, "revisions": counts}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Observation:
        """Return the observation that `to_json` wrote."""
        labels = value["labels"]
        found = {name: _unpacked(packed, labels) for name, packed in value["revisions"].items()}
        return cls(float(value["epoch"]), float(value["at"]), found)


@dataclass(frozen=True)
class NotMeasured:
    """Nobody could tell, and why; that is neither good nor bad."""

    reason: str


def _packed(counts: Counts, labels: list[str]) -> list[Any]:
    """Return requests, errors, the first filled bucket and the filled stretch, and predictions."""
    filled = [index for index, count in enumerate(counts.buckets) if count]
    first, end = (filled[0], filled[-1] + 1) if filled else (0, 0)
    rows = [counts.classes.get(label) for label in labels] if counts.classes else []
    stretch = list(counts.buckets[first:end])
    return [counts.requests, counts.errors, first, stretch, rows, list(counts.confidence)]


def _unpacked(packed: list[Any], labels: list[str]) -> Counts:
    requests, errors, first, stretch, rows, confidence = packed
    pairs = zip(labels, rows, strict=False)
    return Counts(
        requests=requests,
        errors=errors,
        buckets=(0,) * first + tuple(stretch),
        classes={label: count for label, count in pairs if count is not None},
        confidence=tuple(confidence),
    )
