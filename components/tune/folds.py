"""Which rows a trial is trained and tested on."""

from __future__ import annotations

import numpy as np


def folds(labels: np.ndarray, count: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the places of the rows to train and to test on, for each of `count` folds.

    Every class is dealt out evenly, however rare; of numbers every run of `count` neighbours in
    size is. The rows to train on stand class by class, so that every nth of them is a fair part.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(labels))
    strata = _strata(labels, count)
    dealt = order[np.argsort(strata[order], kind="stable")]
    fold = np.arange(len(dealt)) % count
    return [(dealt[fold != place], dealt[fold == place]) for place in range(count)]


def _strata(labels: np.ndarray, count: int) -> np.ndarray:
    if labels.dtype.kind != "f":
        return np.asarray(np.unique(labels, return_inverse=True)[1])
    ranks = np.empty(len(labels), int)
    ranks[np.argsort(labels, kind="stable")] = np.arange(len(labels))
    return np.asarray(ranks // count)


def part(rows: np.ndarray, share: float) -> np.ndarray:
    """Return a share of the rows to train on, spread evenly over them."""
    if share >= 1:
        return rows
    count = max(2, round(share * len(rows)))
    places = np.unique(np.linspace(0, len(rows) - 1, count).round().astype(int))
    return np.asarray(rows[places])
