"""Which rows are tested on: labels in, a mask out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from components.errors import DataError

STRATA = 10
OVERLAP_WARNING = 0.05


@dataclass(frozen=True)
class Choice:
    """How to split: the share of rows to test on, the seed, whether by class."""

    test_size: float
    random_state: int
    stratify: bool = True


def test_rows(labels: np.ndarray, choice: Choice) -> np.ndarray:
    """Return a mask, true for rows to test on; the same for the same labels and choice.

    A class with two rows or more is in both parts. Stratified, the test part has each class's
    share of it to the row. Raises DataError where a part would be empty.
    """
    _refuse(choice, len(labels))
    # A class is its place in the sorted labels.
    _, classes = np.unique(labels, return_inverse=True)
    total = round(len(labels) * choice.test_size)
    total = min(max(total, 1), len(labels) - 1)
    order = np.random.default_rng(choice.random_state).permutation(len(labels))
    shuffled = classes[order]
    sizes = np.bincount(classes)
    wanted = (
        _shares(sizes, total)
        if choice.stratify
        else np.bincount(shuffled[:total], minlength=len(sizes))
    )
    wanted = _in_both(sizes, wanted)
    if not wanted.any():
        raise DataError(
            f"No class has two of the {len(labels):,} rows, too few to train and to test on: add "
            "rows or merge classes."
        )
    return _chosen(order, shuffled, wanted)


def strata(target: np.ndarray, choice: Choice) -> np.ndarray:
    """Return which tenth of all numbers each belongs to, so that both parts get small and large.

    Of few rows it is a larger part, so that there are not more of them than rows to test on, each
    of which gets one. Not stratified, all rows are of one kind.
    """
    if not choice.stratify:
        return np.zeros(len(target), dtype=int)
    ranks = np.argsort(np.argsort(target, kind="stable"), kind="stable")
    parts = min(STRATA, max(1, round(len(target) * choice.test_size)))
    return np.asarray(ranks * parts // max(len(target), 1))


def _shares(sizes: np.ndarray, total: int) -> np.ndarray:
    """Return how many rows of each class are tested on: its share of `total`, largest remainder."""
    exact = sizes * (total / sizes.sum())
    whole: np.ndarray = np.floor(exact).astype(np.int64)
    first = np.argsort(whole - exact, kind="stable")[: total - whole.sum()]
    whole[first] += 1
    return whole


def _in_both(sizes: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return the counts with every class of two rows or more in both parts, others in training."""
    counts: np.ndarray = np.where(sizes > 1, np.clip(wanted, 1, np.maximum(sizes - 1, 1)), 0)
    return counts


def _chosen(order: np.ndarray, shuffled: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return the mask of the first `wanted` rows of each class in the shuffled order."""
    by_class = np.argsort(shuffled, kind="stable")
    sizes = np.bincount(shuffled, minlength=len(wanted))
    starts = np.repeat(np.cumsum(sizes) - sizes, sizes)
    rank = np.arange(len(order)) - starts
    mask = np.zeros(len(order), dtype=bool)
    mask[order[by_class[rank < np.repeat(wanted, sizes)]]] = True
    return mask


def _refuse(choice: Choice, rows: int) -> None:
    if not 0 < choice.test_size < 1:
        raise DataError(
            f"test_size is {choice.test_size:g}: choose a share of the rows between 0 and 1, "
            "such as 0.2."
        )
    if choice.random_state < 0:
        raise DataError(f"random_state is {choice.random_state}: choose 0 or more.")
    if rows < 2:
        raise DataError(f"A table of {rows} row(s) cannot be split: it takes two at least.")


def overlap_told(same: int, rows: int) -> str:
    """Return what to say of `same` of `rows` test rows that are trained on, too."""
    share = same / max(rows, 1)
    if not same:
        return "No test row is also a training row, though the table has equal rows."
    level = "warning: " if share >= OVERLAP_WARNING else ""
    return (
        f"{level}{same:,} of {rows:,} test rows ({share:.1%}) are also training rows, cell for "
        "cell: the test flatters the model by them; if they are one row read twice, keep one."
    )
