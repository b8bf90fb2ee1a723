"""Fitting a forest in units of its own, because scikit-learn's trees have two limits without any.

A branch ends where the variance of its targets is below 2.2e-16, and no split is tried between
cells that are less than 1e-7 apart: of numbers of the size of nanometres, in metres, a forest would
learn nothing. Units are powers of two, which round no number, so nothing else changes.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def fit(forest: Any, rows: np.ndarray, targets: np.ndarray) -> None:
    """Fit a forest on rows [n, features] in place; it answers in the units that were given."""
    of_columns = np.minimum(_powers(np.maximum(rows.max(axis=0), -rows.min(axis=0))), 1.0)
    of_target = float(_powers(targets.std())) if targets.dtype.kind == "f" else 1.0
    scaled = targets if of_target == 1 else targets / of_target
    forest.fit(rows if (of_columns == 1).all() else rows / of_columns.astype(rows.dtype), scaled)
    for tree in (each.tree_ for each in forest.estimators_):
        splits = tree.feature >= 0
        tree.threshold[splits] *= of_columns[tree.feature[splits]]
        tree.value[...] *= of_target


def _powers(sizes: np.ndarray) -> np.ndarray:
    """Return the powers of two that are next below, 1 for nothing."""
    return np.where(sizes > 0, np.ldexp(1.0, np.frexp(sizes)[1] - 1), 1.0)
