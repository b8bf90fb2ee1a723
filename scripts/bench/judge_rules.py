"""How the peers decide, on the same simulated answers: requests of the canary until a rollback.

Each as shipped, and with the one number that its users turn so that it rolls back identical
canaries no oftener than our judge does. `inf`: no rollback within the stream.

- Flagger counts the intervals in which a metric is out of its range, and rolls back at `threshold`
  (5 in its examples; success rate at least 99 %).
- Argo Rollouts' analysis fails when more than `failureLimit` measurements fail (3 in its examples;
  success at least 95 %).
- Kayenta compares two series of points by Mann and Whitney's test (confidence 98 %, a change of at
  least 25 %) when its 50 points are there, not before.
- A z-test of two shares, repeated at every request from the 30th of the canary on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scripts.bench.judge_streams import Stream

WINDOW = 50
"""Requests of the canary in an interval, or a measurement."""
POINTS, POINT = 50, 40
"""Kayenta's points, and requests of the canary in each."""
RANK_Z = 2.326
TOLERANCE = 0.25
FLAGGER_TIMES = 5
ARGO_TIMES, ARGO_LIMIT = 4, 0.05
EARLIEST = 30
NAIVE_Z = 1.645
_AT_ONCE = 10
"""Rollouts whose numbers stay in the processor's cache."""


@dataclass(frozen=True)
class Breaches:
    """Roll back at the `times`-th window of which a share above `limit` are hits."""

    limit: float
    times: int

    def requests(self, hits: np.ndarray) -> np.ndarray:
        """Return the requests until then; `hits` in each window, [rollouts, windows]."""
        breached = np.cumsum(hits > self.limit * WINDOW + 1e-9, axis=1) >= self.times
        first = breached.argmax(axis=1) + 1.0
        return np.where(breached.any(axis=1), first * WINDOW, np.inf)

    def calmed(self, hits: np.ndarray, allowed: float) -> Breaches:
        """Return it with the lowest limit at which a part `allowed` is rolled back at most."""
        tried = (Breaches(count / WINDOW, self.times) for count in range(WINDOW + 1))
        return next(x for x in tried if np.isfinite(x.requests(hits)).mean() <= allowed)


def windows(stream: Stream, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the canary's hits, and the stable revision's share of hits, in each full window."""
    rollouts, _ = stream.size
    asked = np.cumsum(stream.of_canary, axis=1, dtype=np.int32)
    full = int(asked[:, -1].min()) // size
    window = np.minimum((asked - stream.of_canary) // size, full)
    place = window + np.arange(rollouts, dtype=np.int32)[:, None] * (full + 1)
    of_stable = ~stream.of_canary
    hits, answers, stable_hits = (
        np.bincount(place[chosen], minlength=rollouts * (full + 1)).reshape(rollouts, -1)[:, :full]
        for chosen in (stream.of_canary & stream.hit, of_stable, of_stable & stream.hit)
    )
    return hits, stable_hits / np.maximum(answers, 1)


def z_scores(stream: Stream, maximum: float | None) -> np.ndarray:
    """Return the z of the two shares (or of one and a maximum) after every answer."""
    few = [slice(start, start + _AT_ONCE) for start in range(0, stream.size[0], _AT_ONCE)]
    parts = (Stream(stream.of_canary[x], stream.hit[x], stream.known[x]) for x in few)
    return np.concatenate([_z_scores(part, maximum) for part in parts])


def _z_scores(stream: Stream, maximum: float | None) -> np.ndarray:
    n = np.cumsum(stream.of_canary, axis=1, dtype=np.float32)
    hits = np.cumsum(stream.hit & stream.of_canary, axis=1, dtype=np.float32)
    p = hits / np.maximum(n, 1)
    if maximum is not None:
        scale = np.sqrt(maximum * (1 - maximum) / np.maximum(n, 1))
        return np.where(n >= EARLIEST, (p - maximum) / scale, 0.0)
    m = np.arange(1, stream.size[1] + 1, dtype=np.float32) - n
    stable_hits = np.cumsum(stream.hit & ~stream.of_canary, axis=1, dtype=np.float32)
    both = (hits + stable_hits) / (n + m)
    noise = np.sqrt(both * (1 - both) * (1 / np.maximum(n, 1) + 1 / np.maximum(m, 1)))
    difference = p - stable_hits / np.maximum(m, 1)
    return np.where((n >= EARLIEST) & (noise > 0), difference / np.maximum(noise, 1e-9), 0.0)


def mann_whitney(stream: Stream, maximum: float | None) -> tuple[np.ndarray, np.ndarray]:
    """Return Mann and Whitney's z, and the relative change, at Kayenta's horizon.

    Where there is no stable revision, a canary that is just at the maximum stands in for it.
    """
    hits, stable = windows(stream, POINT)
    canary = hits[:, :POINTS] / POINT
    if maximum is not None:
        drawn = np.random.default_rng(0).binomial(POINT, maximum, canary.shape)
        stable = drawn / POINT
    stable = stable[:, :POINTS]
    z = np.array([rank_z(ours, theirs) for ours, theirs in zip(canary, stable, strict=True)])
    base = np.maximum(stable.mean(axis=1), 1e-9)
    return z, canary.mean(axis=1) / base - 1


def rank_z(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Return the normal score of the rank sum, corrected for ties."""
    n, m = len(ours), len(theirs)
    _, place, counts = np.unique(
        np.concatenate([ours, theirs]), return_inverse=True, return_counts=True
    )
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    u = ranks[:n].sum() - n * (n + 1) / 2
    ties = (counts.astype(float) ** 3 - counts).sum() / ((n + m) * (n + m - 1))
    scale = np.sqrt(n * m / 12 * (n + m + 1 - ties))
    return float((u - n * m / 2) / scale) if scale > 0 else 0.0
