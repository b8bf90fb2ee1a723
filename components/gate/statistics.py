"""Every metric of weighted rows, for many weightings at once.

A bootstrap replicate is a number of times that each row counts. Most metrics follow from sums over
the rows (`Sums`); the areas under curves follow from the order of the rows (`Ranks`).
`components.scores` and `components.number_scores` compute the same numbers for weights of one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np

from components.number_scores import Estimates
from components.paired import Answered
from components.scores import RANGES, Answers, compared, confidence, log_losses

if TYPE_CHECKING:
    from scipy.sparse import csr_array


class Statistic(Protocol):
    """A metric of one model's answers."""

    def of(self, weights: np.ndarray) -> np.ndarray:
        """Return the metric [b] for weights [b, n]; NaN where it is not defined."""


@dataclass(frozen=True)
class Sums:
    """A metric that follows from sums of `features` [n, m]; `value` takes sums [b, m]."""

    features: np.ndarray | csr_array
    value: Callable[[np.ndarray], np.ndarray]

    def of(self, weights: np.ndarray) -> np.ndarray:
        """Return the metric [b] for weights [b, n]."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.value(weights @ self.features)


@dataclass(frozen=True)
class Ranks:
    """An area under curves: the mean over classes that have rows within and without."""

    truth: np.ndarray
    scores: np.ndarray
    judged: tuple[int, ...]
    area: Callable[[np.ndarray, np.ndarray], np.ndarray]

    @cached_property
    def _orders(self) -> dict[int, np.ndarray]:
        """The rows by falling score, for each class: they are the same for every weighting."""
        return {k: np.argsort(-self.scores[:, k], kind="stable") for k in self.judged}

    def of(self, weights: np.ndarray) -> np.ndarray:
        """Return the area [b] for weights [b, n]."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.mean([self._of_class(k, weights) for k in self.judged], axis=0))

    def _of_class(self, k: int, weights: np.ndarray) -> np.ndarray:
        order = self._orders[k]
        ranked = self.scores[order, k]
        starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
        drawn, inside = weights[:, order], (self.truth == k)[order]
        every = np.add.reduceat(drawn, starts, axis=1)
        return self.area(np.add.reduceat(drawn * inside, starts, axis=1), every)


def statistic(metric: str, given: Answered) -> Statistic:
    """Return the metric of a model's answers; `KeyError` where its task has no such metric."""
    if isinstance(given, Estimates):
        return Sums(_number_features(given), _OF_NUMBERS[metric])
    if metric in _AREAS:
        return _ranks(metric, given)
    if metric in _OF_LABELS:
        return Sums(_label_features(given), _OF_LABELS[metric])
    if metric == "ece":
        return Sums(_ranges(given), _calibration_error)
    return Sums(_with_ones(_LOSSES[metric](given)), _mean)


def _with_ones(*columns: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones(len(columns[0])), *columns])


def _mean(sums: np.ndarray) -> np.ndarray:
    return np.asarray(sums[:, 1] / sums[:, 0])


def _brier_losses(given: Answers) -> np.ndarray:
    shares = given.probabilities
    chosen = shares[np.arange(len(given.truth)), given.truth]
    distances = np.square(shares).sum(axis=1) + 1.0 - 2.0 * chosen
    return np.asarray(distances / (2 if shares.shape[1] == 2 else 1))


_LOSSES: dict[str, Callable[[Answers], np.ndarray]] = {
    "log_loss": log_losses,
    "brier": _brier_losses,
}


def _ranges(given: Answers) -> np.ndarray:
    highest, places = confidence(given)
    each = np.eye(RANGES)[places]
    return np.hstack([each, each * (highest - given.right)[:, None]])


def _calibration_error(sums: np.ndarray) -> np.ndarray:
    return np.asarray(np.abs(sums[:, RANGES:]).sum(axis=1) / sums[:, :RANGES].sum(axis=1))


def _label_features(given: Answers) -> csr_array:
    """Return [n, 3k]: is truly of each class, is told to be of it, is both; nearly all are 0."""
    from scipy.sparse import csr_array

    count, rows = len(given.labels), np.arange(len(given.truth))
    both = rows[given.right]
    places = (given.truth, count + given.predicted, 2 * count + given.truth[both])
    found = np.concatenate([rows, rows, both]), np.concatenate(places)
    return csr_array((np.ones(len(found[0])), found), shape=(len(rows), 3 * count))


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.asarray(np.divide(part, whole, out=np.zeros(part.shape), where=whole > 0))


def _accuracy(sums: np.ndarray) -> np.ndarray:
    rows, _, both = np.split(sums, 3, axis=1)
    return np.asarray(both.sum(axis=1) / rows.sum(axis=1))


def _balanced(sums: np.ndarray) -> np.ndarray:
    rows, _, both = np.split(sums, 3, axis=1)
    return np.asarray(_share(both, rows).sum(axis=1) / (rows > 0).sum(axis=1))


def _of_classes(which: str, sums: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the score of every class, its rows, and the rows that are or are told to be of it."""
    rows, told, both = np.split(sums, 3, axis=1)
    wholes = {"precision": told, "recall": rows, "f1": (rows + told) / 2}
    return _share(both, wholes[which]), rows, rows + told


def _averaged(which: str, average: str) -> Callable[[np.ndarray], np.ndarray]:
    def value(sums: np.ndarray) -> np.ndarray:
        scores, rows, seen = _of_classes(which, sums)
        weights = rows if average == "weighted" else (seen > 0).astype(float)
        return np.asarray((scores * weights).sum(axis=1) / weights.sum(axis=1))

    return value


_OF_LABELS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced,
    **{
        f"{which}_{average}": _averaged(which, average)
        for which in ("f1", "precision", "recall")
        for average in ("macro", "weighted")
    },
}
LABEL_METRICS = frozenset(_OF_LABELS)


def _roc_area(inside: np.ndarray, every: np.ndarray) -> np.ndarray:
    """Return the area under the ROC curve from weights by falling score; half for ties."""
    outside = every - inside
    above = np.cumsum(inside, axis=1) - inside / 2
    return np.asarray((outside * above).sum(axis=1) / inside.sum(axis=1) / outside.sum(axis=1))


def _precision_area(inside: np.ndarray, every: np.ndarray) -> np.ndarray:
    """Return the average precision from weights by falling score."""
    precision = _share(np.cumsum(inside, axis=1), np.cumsum(every, axis=1))
    return np.asarray((inside * precision).sum(axis=1) / inside.sum(axis=1))


_AREAS = {"roc_auc": _roc_area, "pr_auc": _precision_area}


def _ranks(metric: str, given: Answers) -> Ranks:
    rows = np.bincount(given.truth, minlength=len(given.labels))
    # Of two classes either has the same area under the ROC curve, but for rounding.
    classes = [1] if len(rows) == 2 else range(len(rows))
    judged = tuple(k for k in classes if 0 < rows[k] < len(given.truth))
    if not judged:
        raise KeyError(metric)
    return Ranks(given.truth, compared(given.probabilities), judged, _AREAS[metric])


def _number_features(given: Estimates) -> np.ndarray:
    errors, truth = given.errors, given.truth
    centred = truth - truth.mean()
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.abs(errors / truth)
    return _with_ones(np.square(errors), np.abs(errors), shares, centred, np.square(centred))


def _r2(sums: np.ndarray) -> np.ndarray:
    count, squares, _, _, first, second = sums.T
    return np.asarray(1.0 - squares / (second - np.square(first) / count))


_OF_NUMBERS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "rmse": lambda sums: np.sqrt(sums[:, 1] / sums[:, 0]),
    "mae": lambda sums: np.asarray(sums[:, 2] / sums[:, 0]),
    "mape": lambda sums: np.asarray(sums[:, 3] / sums[:, 0]),
    "r2": _r2,
}
