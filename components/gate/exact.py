"""Tests on counts of rows: right or wrong, by one model or by two on the same rows.

b: rows that only the candidate answers right ("gained"); c: rows that only the champion does
("lost"). Rows on which both are right or both are wrong tell nothing of which is better.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from scipy.special import bdtrc, bdtri, ndtri

STEPS = 60


def mcnemar(gained: int, lost: int, *, mid: bool = False) -> float:
    """Return McNemar's one-sided p-value of "the candidate is no better".

    Exact: binomial over the discordant rows; `mid` counts what was seen half (Fagerland et al.
    2013), which is nearer to alpha but does not promise to stay below it.
    """
    discordant = gained + lost
    if discordant == 0:
        return 1.0
    more = float(bdtrc(gained, discordant, 0.5))
    as_much = float(bdtrc(gained - 1, discordant, 0.5)) if gained else 1.0
    return (more + as_much) / 2 if mid else as_much


def difference_bounds(gained: int, lost: int, rows: int, alpha: float) -> tuple[float, float]:
    """Return one-sided bounds at `alpha` each for the accuracy of the candidate minus the other's.

    Tango's score interval for paired shares (Tango 1998) with a correction of half a row, without
    which a handful of discordant rows lets through more than alpha.
    """
    high = _limit(gained, lost, rows, alpha)
    low = -_limit(lost, gained, rows, alpha)
    return low, high


def _limit(gained: int, lost: int, rows: int, alpha: float) -> float:
    """Return the largest difference that is not refuted by so few gained rows."""
    z = float(-ndtri(alpha))

    def refuted(difference: float) -> bool:
        short = rows * difference - (gained - lost) - 0.5
        spread = _spread(gained, lost, rows, difference)
        return short > 0 and short >= z * spread

    return _turning((gained - lost) / rows, 1.0, refuted)


def _spread(gained: int, lost: int, rows: int, difference: float) -> float:
    """Return the standard deviation of b - c where the true difference is this one (Tango 1998)."""
    # The likelihood's maximum over the share of lost rows, the root of a quadratic equation.
    across = -gained - lost + (2 * rows - gained + lost) * difference
    below = -lost * difference * (1 - difference)
    root = math.sqrt(max(across * across - 8 * rows * below, 0.0))
    share = max((root - across) / (4 * rows), 0.0)
    return math.sqrt(max(rows * (2 * share + difference * (1 - difference)), 0.0))


def _turning(low: float, high: float, refuted: Callable[[float], bool]) -> float:
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if refuted(middle) else (middle, high)
    return high


def share_bounds(right: int, rows: int, alpha: float) -> tuple[float, float]:
    """Return exact one-sided bounds at `alpha` each for a share (Clopper and Pearson 1934)."""
    low = 0.0 if right == 0 else float(bdtri(right - 1, rows, 1 - alpha))
    high = 1.0 if right == rows else float(bdtri(right, rows, alpha))
    return low, high
