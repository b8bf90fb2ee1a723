"""What the judge's benchmark plays: which shares are counted, and how much worse canaries are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

from scripts.bench.judge_streams import World

ALPHA = 0.05
WEIGHT = 0.1
REQUESTS = 22_000
"""Of both revisions, so that every canary gets the 2,000 of Kayenta's points."""
ERRORS, SLOW, DISAGREEING = 0.01, 0.05, 0.01
SIGMA = 0.5
"""Of the logarithm of a latency."""


@dataclass(frozen=True)
class Kind:
    """What is counted, its share where all is well, and the canaries that are worse."""

    name: str
    good: float
    worse: dict[str, float]
    maximum: float | None = None

    def world(self, share: float) -> World:
        """Return the canary's share beside the stable one's; alone where all is mirrored."""
        return World(share, self.good, 1.0 if self.maximum else WEIGHT)

    @property
    def requests(self) -> int:
        """Return as many answers as hold 2,000 of the canary."""
        return REQUESTS if self.maximum is None else round(REQUESTS * WEIGHT)


def slower(ratio: float) -> float:
    """Return which share is slower than the stable 95th percentile if all take `ratio` times."""
    z = NormalDist().inv_cdf(1 - SLOW) - math.log(ratio) / SIGMA
    return 1 - NormalDist().cdf(z)


KINDS = (
    Kind("errors", ERRORS, {f"errors +{n} points": ERRORS + n / 100 for n in (1, 2, 5, 20)}),
    Kind("latency", SLOW, {f"latency x{ratio}": slower(ratio) for ratio in (1.2, 1.5, 3)}),
    Kind(
        "disagreement",
        DISAGREEING,
        {f"disagreement {n} %": n / 100 for n in (5, 20)},
        maximum=DISAGREEING,
    ),
)


def oracle(kind: Kind, share: float) -> float:
    """Return log(1/alpha) / growth for a judge that knows both shares before."""
    if kind.maximum is not None:
        return math.log(1 / ALPHA) / divergence(share, kind.maximum)
    pooled = WEIGHT * share + (1 - WEIGHT) * kind.good
    rest = (1 - WEIGHT) / WEIGHT * divergence(kind.good, pooled)
    return math.log(1 / ALPHA) / (divergence(share, pooled) + rest)


def divergence(a: float, b: float) -> float:
    """Return the Kullback-Leibler divergence of two shares."""
    return a * math.log(a / b) + (1 - a) * math.log((1 - a) / (1 - b))
