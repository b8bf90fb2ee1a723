"""What was predicted, as evidence: which classes, and with which confidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from serving.rollout.drift import FIRST, Drift, Rows
from serving.rollout.observation import REST, Counts, leading
from serving.rollout.policy import Policy


@dataclass(frozen=True)
class Predicted:
    """Evidence on what was predicted; empty where the source cannot see it.

    `labels`: the classes that are told apart, all others are one more. `doubts`: what an answer in
    each bucket of confidence counts: 1 - the bucket's middle.
    """

    labels: tuple[str, ...] = ()
    doubts: tuple[float, ...] = ()
    classes: Drift = field(default_factory=Drift.none)
    confidence: Drift = field(default_factory=Drift.none)

    @classmethod
    def knowing(cls, stable: Counts) -> Predicted:
        """Return the evidence before the canary's first answer."""
        labels, doubts = leading(stable), _doubts(stable.confidence_bounds)
        rows = _classes(stable, labels) if labels else np.zeros(0)
        confidence = Drift.knowing(_buckets(stable, doubts))
        return cls(labels, doubts, Drift.knowing(rows), confidence)

    def after(self, canary: Counts, stable: Counts, policy: Policy, weight: float) -> Predicted:
        """Return the evidence with what both predicted meanwhile."""
        labels, classes = self._classes_after(canary, stable, policy, weight)
        doubts, confidence = self._confidence_after(canary, stable, policy, weight)
        return Predicted(labels, doubts, classes, confidence)

    def _classes_after(
        self, canary: Counts, stable: Counts, policy: Policy, weight: float
    ) -> tuple[tuple[str, ...], Drift]:
        if not self.labels:
            begun = Predicted.knowing(stable)
            return begun.labels, begun.classes
        rows = Rows(_classes(canary, self.labels), _classes(stable, self.labels))
        scores = self.classes.rising()
        return self.labels, self.classes.after(rows, scores, policy.max_class_shift, weight)

    def _confidence_after(
        self, canary: Counts, stable: Counts, policy: Policy, weight: float
    ) -> tuple[tuple[float, ...], Drift]:
        if not self.doubts:
            begun = Predicted.knowing(stable)
            return begun.doubts, begun.confidence
        rows = Rows(_buckets(canary, self.doubts), _buckets(stable, self.doubts))
        margin = policy.max_confidence_drop
        return self.doubts, self.confidence.after(rows, np.array(self.doubts), margin, weight)

    def afresh(self) -> Predicted:
        """Return the evidence at a fresh start."""
        fresh = (self.classes.afresh(), self.confidence.afresh())
        return Predicted(self.labels, self.doubts, *fresh)

    def can_learn_from(self, canary: Counts) -> bool:
        """Say whether these answers of the canary would at least double what is known of it."""
        pairs = (
            (self.classes, sum(canary.classes.values())),
            (self.confidence, sum(canary.confidence)),
        )
        return any(min(rows, canary.requests) >= max(FIRST, drift.answers) for drift, rows in pairs)

    @property
    def mean_confidences(self) -> tuple[float, float]:
        """The mean confidence of the canary, and of the stable revision."""
        canary, stable = (1.0 - float(shares @ self.doubts) for shares in self.confidence.shares)
        return canary, stable

    def most_shifted(self) -> tuple[str, float, float]:
        """Return the class whose share differs most, the canary's share and the stable one's."""
        canary, stable = self.classes.shares
        at = int(np.argmax(np.abs(canary - stable)))
        label = (*self.labels, REST)[at]
        name = "all other classes" if label == REST else label
        return name, float(canary[at]), float(stable[at])

    def to_json(self) -> dict[str, Any]:
        """Return a short JSON value."""
        return {
            "labels": list(self.labels),
            "doubts": list(self.doubts),
            "classes": self.classes.to_json(),
            "confidence": self.confidence.to_json(),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Predicted:
        """Return what `to_json` wrote; raises KeyError, ValueError or TypeError."""
        classes, confidence = (Drift.from_json(value[name]) for name in ("classes", "confidence"))
        return cls(tuple(value["labels"]), tuple(value["doubts"]), classes, confidence)


def _classes(counts: Counts, labels: tuple[str, ...]) -> np.ndarray:
    found = counts.grouped(labels).classes
    return _by_request([found.get(label, 0) for label in (*labels, REST)], counts.requests)


def _buckets(counts: Counts, doubts: tuple[float, ...]) -> np.ndarray:
    alike = counts.confidence and _doubts(counts.confidence_bounds) == doubts
    return _by_request(counts.confidence if alike else (0,) * len(doubts), counts.requests)


def _by_request(rows: Sequence[int], requests: int) -> np.ndarray:
    """Return the rows, each counting less where a request holds many.

    The rows of one request are no independent answers: they count as one, their mean. The
    geometric mean of what its rows would win is at most that of the mean, so the evidence holds.
    """
    total = sum(rows)
    return np.array(rows, float) * (min(1.0, requests / total) if total else 1.0)


def _doubts(bounds: Sequence[float]) -> tuple[float, ...]:
    """Return 1 - the middle of each bucket; beyond a confidence of 1 there is none."""
    lows = (0.0, *bounds[:-1])
    pairs = zip(lows, bounds, strict=True) if bounds else ()
    return tuple(round(1 - (min(low, 1.0) + min(high, 1.0)) / 2, 4) for low, high in pairs)
