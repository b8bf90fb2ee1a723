"""Fitting what is made of trees, around what scikit-learn's own cannot do.

A branch of a forest ends where the variance of its targets is below 2.2e-16, and no split is tried
between cells that are less than 1e-7 apart: of numbers of the size of nanometres, in metres, it
would learn nothing. Here it learns in units of its own. They are powers of two, which round no
number, so nothing else changes.

Boosting holds rows of every class out to stop early by, on its own accord from 10,000 rows on, and
fails where a class has one row only.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

HELD_OUT = 0.1
"""The share of the rows that boosting holds out (scikit-learn's `validation_fraction`)."""


def fit(model: Any, rows: np.ndarray, targets: np.ndarray) -> None:
    """Fit a forest or boosted trees on rows [n, features] in place.

    Raises `ValueError` where early stopping was asked for and the classes have too few rows.
    """
    if not hasattr(model, "early_stopping"):
        _grow(model, rows, targets)
        return
    if targets.dtype.kind != "f" and model.early_stopping is not False:
        _settle_stopping(model, targets)
    model.fit(rows, targets)


def _grow(forest: Any, rows: np.ndarray, targets: np.ndarray) -> None:
    sizes = np.maximum(rows.max(axis=0), -rows.min(axis=0))
    of_columns = np.minimum(_powers(sizes), 1.0)
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


def _settle_stopping(model: Any, targets: np.ndarray) -> None:
    """Let no early stopping be chosen where rows of every class cannot be held out."""
    classes, sizes = np.unique(targets, return_counts=True)
    held_out, reason = math.ceil(HELD_OUT * len(targets)), ""
    if sizes.min() < 2:
        reason = f"class {classes[sizes.argmin()]} has a single row to train on"
    elif held_out < len(classes):
        reason = f"there are {len(classes)} classes in {len(targets)} rows"
    if not reason:
        return
    if model.early_stopping is True:
        raise ValueError(
            f"{reason}, and early stopping holds a tenth of the rows out, some of each class; set "
            "early_stopping to false, add rows or merge classes"
        )
    model.set_params(early_stopping=False)
