"""The guards on what is predicted and on the split, as the judge's benchmark plays them.

The split of what is predicted is exact, as the local gateway's is: nine answers of the stable
revision to each of the canary's, and a look after every ten.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from scripts.bench.judge_kinds import ALPHA, WEIGHT, divergence
from scripts.bench.judge_streams import HISTORY, first_true
from serving.rollout.drift import FIRST, Drift, Rows
from serving.rollout.guards import (
    CLASSES_PART,
    CONFIDENCE_PART,
    RUN,
    SPLIT_PART,
    tolerated_split,
)
from serving.rollout.maximum import outside
from serving.rollout.policy import Policy

POLICY = Policy()
REQUESTS = 2000
"""Of the canary."""
LOOK = round(1 / WEIGHT)
"""Requests of both from look to look."""
BATCH = 250
STEPS = len(POLICY.steps)
_BOUNDS = np.array([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0])
_FINE = 200


@dataclass(frozen=True)
class Guarded:
    """What one guard sees: shares of the cells where all is well, and of canaries that are worse.

    `doubts`: the score of each cell; None where it is a set of classes, which is learnt.
    """

    name: str
    part: float
    margin: float
    good: np.ndarray
    worse: dict[str, np.ndarray] = field(default_factory=dict)
    doubts: np.ndarray | None = None


def confident(mean: float) -> np.ndarray:
    """Return the shares of the buckets of a Beta distribution with this mean (a + b = 10)."""
    x = (np.arange(_FINE * 100) + 0.5) / (_FINE * 100)
    density = x ** (10 * mean - 1) * (1 - x) ** (10 * (1 - mean) - 1)
    mass, _ = np.histogram(x, _BOUNDS, weights=density)
    return np.asarray(mass / mass.sum())


def _moved(count: int, rising: int, points: float) -> np.ndarray:
    """Return even shares of `count` classes after `points` went to the first ones from the rest."""
    off = np.where(np.arange(count) < rising, points / rising, -points / (count - rising))
    return np.full(count, 1 / count) + off


GUARDED = (
    Guarded(
        "class shift",
        CLASSES_PART,
        POLICY.max_class_shift,
        _moved(3, 1, 0.0),
        {f"3 classes, {n} % shifted": _moved(3, 1, n / 100) for n in (30, 40, 60)},
    ),
    Guarded(
        "class shift, many",
        CLASSES_PART,
        POLICY.max_class_shift,
        _moved(10, 5, 0.0),
        {"10 classes, 40 % shifted": _moved(10, 5, 0.4)},
    ),
    Guarded(
        "confidence",
        CONFIDENCE_PART,
        POLICY.max_confidence_drop,
        confident(0.9),
        {f"confidence 0.9 -> {mean}": confident(mean) for mean in (0.65, 0.6, 0.5)},
        1 - (_BOUNDS[1:] + _BOUNDS[:-1]) / 2,
    ),
)
SPLITS = (0.25, 0.31, 1.0, 0.01)
"""What the canary gets in place of `WEIGHT`."""


def play(
    rng: np.random.Generator, guarded: Guarded, canary: np.ndarray, count: int, margin: float
) -> np.ndarray:
    """Return the requests of the canary until it is convicted, inf where it never is, [count]."""
    sizes = [min(BATCH, count - start) for start in range(0, count, BATCH)]
    return np.concatenate([_until(rng, guarded, canary, size, margin) for size in sizes])


def _until(
    rng: np.random.Generator, guarded: Guarded, canary: np.ndarray, count: int, margin: float
) -> np.ndarray:
    """Play one batch; what is known is learnt from where the canary's answers have doubled."""
    drift = Drift.knowing(rng.multinomial(HISTORY, guarded.good, count).astype(float))
    found, start = np.full(count, np.inf), 0
    while start < REQUESTS:
        length = min(max(start, FIRST), REQUESTS - start)
        parts = ((1, canary), (LOOK - 1, guarded.good))
        rows = Rows(*(rng.multinomial(n, p, (count, length)).astype(float) for n, p in parts))
        scores = drift.rising() if guarded.doubts is None else guarded.doubts
        scores = np.broadcast_to(scores, drift.seen.stable.shape)
        first = first_true(_against(drift, rows, scores, margin) >= _enough(guarded.part))
        found = np.where((first >= 0) & np.isinf(found), start + first + 1, found)
        drift = drift.after(Rows(*(each.sum(axis=1) for each in rows)), scores, margin, WEIGHT)
        start += length
    return found


def _against(drift: Drift, rows: Rows, scores: np.ndarray, margin: float) -> np.ndarray:
    """Return `Drift.against` after every look, [rollouts, looks]."""
    wagers = drift.wagers(scores, margin, WEIGHT)
    won = sum(each @ bets.swapaxes(1, 2) for each, bets in zip(rows, wagers, strict=True))
    logs = drift.harm[:, None, :] + np.cumsum(won, axis=1)
    return np.asarray(np.log(np.exp(np.minimum(logs, 50.0)).sum(axis=-1) + drift.held_back))


def play_split(rng: np.random.Generator, share: float, count: int) -> np.ndarray:
    """Return the requests of both until the split is bad, where `share` are the canary's."""
    looks = np.arange(LOOK, REQUESTS * LOOK + 1, LOOK)
    parts = []
    for start in range(0, count, BATCH):
        size = (min(BATCH, count - start), len(looks))
        hits = np.cumsum(rng.binomial(LOOK, share, size), axis=1)
        harm = outside(np.broadcast_to(looks / RUN, size), hits / RUN, *tolerated_split(WEIGHT))
        first = first_true(harm >= _enough(SPLIT_PART / STEPS))
        parts.append(np.where(first >= 0, looks[first], np.inf))
    return np.concatenate(parts)


def _enough(part: float) -> float:
    return -math.log(ALPHA * part)


def oracle(guarded: Guarded, canary: np.ndarray) -> float:
    """Return log(1/alpha's part) / growth for a judge that knows all shares, of classes, before."""
    rises = canary > guarded.good
    a, b, q = canary[rises].sum(), guarded.good[rises].sum(), np.linspace(1e-4, 0.7, 20_000)
    lost = [
        divergence(a, p + guarded.margin) + (1 - WEIGHT) / WEIGHT * divergence(b, p)
        for p in q[q + guarded.margin < 1].tolist()
    ]
    return _enough(guarded.part) / min(lost)


@dataclass(frozen=True)
class Guards:
    """Which identical canaries each guard convicts, [rollouts], and the medians on worse ones."""

    false: dict[str, np.ndarray]
    until: dict[str, float]
    oracle: dict[str, float]

    def convicted(self, others: Iterable[np.ndarray]) -> float:
        """Return the share of identical canaries that any guard convicts, the others included."""
        return float(np.any([*self.false.values(), *others], axis=0).mean())


def measure(rollouts: int, worse: int) -> Guards:
    """Play all: identical canaries without a margin, worse ones with the policy's usual one."""
    rng = np.random.default_rng(21)
    counted = [guarded for guarded in GUARDED if guarded.name != "class shift, many"]
    false = {g.name: np.isfinite(play(rng, g, g.good, rollouts, 0.0)) for g in counted}
    false["split"] = np.isfinite(play_split(rng, WEIGHT, rollouts))
    pairs = [(g, name, shares) for g in GUARDED for name, shares in g.worse.items()]
    until = {name: median(play(rng, g, at, worse, g.margin)) for g, name, at in pairs}
    off = {f"split {WEIGHT:.0%} -> {s:.0%}": median(play_split(rng, s, worse)) for s in SPLITS}
    known = {name: oracle(g, shares) for g, name, shares in pairs if g.doubts is None}
    return Guards(false, {**until, **off}, known)


def median(until: np.ndarray) -> float:
    """Return the median; inf where less than half were found."""
    return float(np.sort(until)[len(until) // 2])
