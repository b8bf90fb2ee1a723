"""How far apart two samples are that were counted in the same cells; pure, counts in, numbers out.

All take `then` and `now`, counts [cells] of two samples; p-values are of the hypothesis that both
were drawn from one distribution. Within a cell values count as ties, which costs power, never
soundness: the tests see a coarser variable, and that has the same distribution in both too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

FLOOR = 0.5
"""What an empty cell counts as where a logarithm is taken of it."""
FEWEST = 5.0
"""Cells that expect fewer of either sample are joined before a chi-square (Cochran 1954)."""


def psi(then: np.ndarray, now: np.ndarray) -> float:
    """Return the population stability index, the symmetric Kullback-Leibler divergence in nats.

    Siddiqi, Credit Risk Scorecards (2006): 0.1 is a moderate, 0.25 a great change. It has no test:
    chance alone makes it (cells - 1) · (1/n + 1/m) on average (Yurdakul 2018), so that much is
    taken off.
    """
    held = (then + now) > 0
    if held.sum() < 2 or not then.sum() or not now.sum():
        return 0.0
    old, new = (np.maximum(each[held], FLOOR) for each in (then, now))
    old, new = old / old.sum(), new / new.sum()
    chance = (held.sum() - 1) * (1 / then.sum() + 1 / now.sum())
    return max(0.0, float(((new - old) * np.log(new / old)).sum()) - float(chance))


def kolmogorov_smirnov(then: np.ndarray, now: np.ndarray) -> tuple[float, float]:
    """Return the greatest difference of the shares up to any cell, and its p-value.

    The asymptotic distribution (Smirnov 1948), which is conservative for ties.
    """
    n, m = int(then.sum()), int(now.sum())
    if not n or not m:
        return 0.0, 1.0
    distance = float(np.abs(then.cumsum() / n - now.cumsum() / m).max())
    return distance, float(stats.kstwobign.sf(distance * math.sqrt(n * m / (n + m))))


def rank_sum(then: np.ndarray, now: np.ndarray) -> tuple[float, float]:
    """Return by how much a value of `now` is likelier above one of `then` than below, and p.

    Mann and Whitney (1947), with the variance for ties of Lehmann, Nonparametrics (1975), 1.4;
    the first is Cliff's delta, -1 to 1. Of a shift it sees more than Kolmogorov and Smirnov.
    """
    n, m, both = int(then.sum()), int(now.sum()), then + now
    total = n + m
    if not n or not m:
        return 0.0, 1.0
    below = then.cumsum() - then / 2
    share = float((now * below).sum()) / (n * m)
    ties = float((both.astype(float) ** 3 - both).sum())
    variance = (total + 1 - ties / (total * (total - 1))) / (12 * n * m)
    if variance <= 0:
        return 0.0, 1.0
    return 2 * share - 1, float(2 * stats.norm.sf(abs(share - 0.5) / math.sqrt(variance)))


def chi_square(then: np.ndarray, now: np.ndarray) -> tuple[float, float]:
    """Return Cramér's V and the p-value of Pearson's test of homogeneity; rare cells are joined."""
    table = _joined(then, now)
    if table.shape[1] < 2:
        return 0.0, 1.0
    total = table.sum()
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / total
    statistic = float(((table - expected) ** 2 / expected).sum())
    return math.sqrt(statistic / total), float(stats.chi2.sf(statistic, table.shape[1] - 1))


def _joined(then: np.ndarray, now: np.ndarray) -> np.ndarray:
    """Return a table [2, cells] in which every cell expects enough; the order plays no part."""
    table = np.array([then, now], float)
    sums, sizes = table.sum(axis=0), table.sum(axis=1)
    if not sizes.all():
        return np.zeros((2, 0))
    order = np.argsort(-sums, kind="stable")
    table, enough = table[:, order], sums[order] * sizes.min() / sizes.sum() >= FEWEST
    kept, rest = table[:, enough], table[:, ~enough].sum(axis=1, keepdims=True)
    if rest.sum() * sizes.min() / sizes.sum() >= FEWEST or not kept.shape[1]:
        return np.hstack([kept, rest])
    return np.hstack([kept[:, :-1], kept[:, -1:] + rest])


def share_test(hits: Sequence[int], rows: Sequence[int]) -> tuple[float, float]:
    """Return by how much a share differs between (then, now), and Fisher's exact p, two-sided.

    Twice the smaller tail of the hypergeometric distribution. For values beyond the greatest that
    n earlier ones had, no hit among these, it is exact too: the k greatest of n + m exchangeable
    values are all new with that very probability (Wilks 1942).
    """
    if not min(rows):
        return 0.0, 1.0
    change = hits[1] / rows[1] - hits[0] / rows[0]
    law = stats.hypergeom(sum(rows), sum(hits), rows[1])
    return change, float(min(1.0, 2 * min(law.cdf(hits[1]), law.sf(hits[1] - 1))))


def holm(chances: Sequence[float], alpha: float) -> list[bool]:
    """Say which of many p-values are significant, with at most `alpha` for any false one.

    Holm (1979); it holds however the tests depend on each other, as columns do.
    """
    order = sorted(range(len(chances)), key=lambda place: chances[place])
    found, going = [False] * len(chances), True
    for rank, place in enumerate(order):
        going = going and chances[place] <= alpha / (len(chances) - rank)
        found[place] = going
    return found


def spent(alpha: float, look: int) -> float:
    """Return the part of `alpha` for the look at a window that is the `look`-th, from 1.

    6/π² · alpha/look²: all looks together, however many, spend `alpha`, whatever they depend on.
    """
    return alpha * 6 / (math.pi * look) ** 2


def quantile(edges: Sequence[float], counts: np.ndarray, share: float) -> float | None:
    """Return about where a share of numbers lies below; None where that is beyond all edges.

    `counts`: of the cells of these edges, without the missing; within a cell they are taken for
    spread evenly.
    """
    total = int(counts.sum())
    if not total:
        return None
    up_to = counts.cumsum()
    place = int(np.searchsorted(up_to, share * total))
    if place in (0, len(edges)):
        return None
    before = float(up_to[place - 1])
    part = (share * total - before) / float(counts[place])
    return float(edges[place - 1] + part * (edges[place] - edges[place - 1]))
