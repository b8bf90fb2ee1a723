"""Intervals at 95 % of what was counted or summed up; plain numbers in and out."""

from __future__ import annotations

import math

Z = 1.959963984540054
"""Of a two-sided interval at 95 %."""
_FEW = (12.7062, 4.30265, 3.18245, 2.77645, 2.57058, 2.44691, 2.36462, 2.306, 2.26216, 2.22814)


def wilson(right: float, rows: int) -> tuple[float, float]:
    """Return Wilson's interval at 95 % for a share of which `right` of `rows` were seen."""
    if rows == 0:
        return 0.0, 1.0
    share, weight = right / rows, Z * Z / rows
    middle = (share + weight / 2) / (1 + weight)
    reach = Z * math.sqrt(share * (1 - share) / rows + weight / (4 * rows)) / (1 + weight)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def student(rows: int, mean: float, square: float) -> tuple[float, float]:
    """Return Student's interval at 95 % of a mean that cannot be negative.

    `square`: the mean of the squares. One row bounds nothing: 0 to infinity.
    """
    if rows < 2:
        return 0.0, math.inf
    variance = max(square - mean * mean, 0.0) / (rows - 1)
    reach = quantile(rows - 1) * math.sqrt(variance)
    return max(0.0, mean - reach), mean + reach


def quantile(free: int) -> float:
    """Return the 97.5 % quantile of Student's t with `free` degrees of freedom, right to 1e-4.

    A table, then Abramowitz and Stegun 26.7.5; SciPy would weigh more than a whole server.
    """
    if free <= len(_FEW):
        return _FEW[free - 1]
    terms = (
        (Z**3 + Z) / 4,
        (5 * Z**5 + 16 * Z**3 + 3 * Z) / 96,
        (3 * Z**7 + 19 * Z**5 + 17 * Z**3 - 15 * Z) / 384,
    )
    return Z + math.fsum(term / free**power for power, term in enumerate(terms, start=1))
