"""How well a model answers, in numbers that are always finite (the home of sklearn.metrics).

Truth is given as labels; probabilities [n, k] in the order of the model's labels. A label that the
model does not know (absent from the training part) counts as one it gave no probability.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from serving.errors import ModelError, UsageError
from serving.signature import Label

CURVE_POINTS = 200
RANGES = 10
"""Of confidence, in which calibration is measured."""
SMALLEST = float(np.finfo(np.float32).eps)
"""What a probability counts in a log loss at the least, as scikit-learn has it for answers of 32
bits: in 64 a forest's 0 would cost twice what its served form is charged for it."""
COMPARED = 20
"""Bits of a probability that count where answers are put in order. The forms of a model differ in
the last of the 24 that are served: half of a forest's votes is a hair more than 0.5 in one."""


@dataclass(frozen=True)
class Answers:
    """A model's answers to rows whose truth is known; places are positions in `labels`.

    `labels` are the model's own, then those that only the truth has; `probabilities` [n, k]
    has a column for each.
    """

    labels: tuple[Label, ...]
    truth: np.ndarray
    predicted: np.ndarray
    probabilities: np.ndarray

    @property
    def right(self) -> np.ndarray:
        """Whether each row's answer was right."""
        return np.asarray(self.truth == self.predicted)


@dataclass(frozen=True)
class ClassScores:
    """How one class fares; `rows` of the test part are truly of it, `told` were said to be."""

    label: Label
    precision: float
    recall: float
    f1: float
    rows: int
    told: int


@dataclass(frozen=True)
class Curve:
    """A ROC curve of at most `CURVE_POINTS` points, without infinities."""

    name: str
    false_positive: tuple[float, ...]
    true_positive: tuple[float, ...]
    thresholds: tuple[float, ...]


@dataclass(frozen=True)
class PrecisionRecall:
    """Precision against recall, of at most `CURVE_POINTS` points."""

    name: str
    recall: tuple[float, ...]
    precision: tuple[float, ...]


def answers(truth: np.ndarray, probabilities: np.ndarray, labels: Sequence[Label]) -> Answers:
    """Return the answers ready to be scored.

    Raises `UsageError` where there are no rows, and `ModelError` for probabilities that are none.
    """
    if len(truth) == 0:
        raise UsageError("There are no test rows to score the model on; raise split.test_size.")
    if not np.isfinite(probabilities).all():
        row = int(np.argmin(np.isfinite(probabilities).all(axis=1)))
        raise ModelError(f"The model gave no finite probabilities for test row {row + 1}.")
    known = {label: place for place, label in enumerate(labels)}
    values, codes = np.unique(truth, return_inverse=True)
    places = np.array([known.setdefault(value, len(known)) for value in values.tolist()])
    return Answers(
        labels=tuple(known),
        truth=places[codes],
        predicted=likeliest(probabilities),
        probabilities=_widened(probabilities, len(known)),
    )


def compared(probabilities: np.ndarray) -> np.ndarray:
    """Return probabilities as answers are ordered by them, rounded to `COMPARED` bits each."""
    parts, exponents = np.frexp(probabilities)
    return np.asarray(np.ldexp(np.round(np.ldexp(parts, COMPARED)), exponents - COMPARED))


def likeliest(probabilities: np.ndarray) -> np.ndarray:
    """Return the place of the likeliest class of each row, [n]; of a tie the first."""
    return np.asarray(compared(probabilities).argmax(axis=1))


def _widened(probabilities: np.ndarray, width: int) -> np.ndarray:
    # float32 rows do not add up to one exactly; as float64 they can.
    wide = np.zeros((len(probabilities), width))
    wide[:, : probabilities.shape[1]] = probabilities
    sums = wide.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(wide, sums, out=wide, where=sums > 0))


def measure(given: Answers) -> dict[str, float]:
    """Return every metric, always finite; no `roc_auc` where all rows are of one class."""
    from sklearn import metrics

    truth, predicted = given.truth, given.predicted
    with warnings.catch_warnings():
        # A class that is absent from the test part is not worth a warning to the reader.
        warnings.simplefilter("ignore")
        found = {
            "accuracy": metrics.accuracy_score(truth, predicted),
            "balanced_accuracy": metrics.balanced_accuracy_score(truth, predicted),
            **_means(given, "macro"),
            **_means(given, "weighted"),
            "log_loss": log_losses(given).mean(),
            "roc_auc": _roc_auc(given),
            "pr_auc": _pr_auc(given),
            "brier": _brier(given),
            "ece": reliability(given).error,
        }
    return {name: float(value) for name, value in found.items() if value is not None}


def _means(given: Answers, average: str) -> dict[str, float]:
    from sklearn.metrics import precision_recall_fscore_support

    precision, recall, f1, _ = precision_recall_fscore_support(
        given.truth, given.predicted, average=average, zero_division=0.0
    )
    return {f"f1_{average}": f1, f"precision_{average}": precision, f"recall_{average}": recall}


def brier(probabilities: np.ndarray, truth: np.ndarray) -> float:
    """Return the Brier score: the mean squared distance of probabilities [n, k] from the truth.

    Of two classes one counts (0 to 1), of more all do (0 to 2), as in scikit-learn.
    """
    distances = np.square(probabilities).sum(axis=1)
    distances += 1.0 - 2.0 * probabilities[np.arange(len(truth)), truth]
    return float(distances.mean()) / (2 if probabilities.shape[1] == 2 else 1)


def _brier(given: Answers) -> float:
    return brier(given.probabilities, given.truth)


def _pr_auc(given: Answers) -> float | None:
    """Return the average precision: of the second of two classes, otherwise the classes' mean."""
    from sklearn.metrics import average_precision_score

    rows = np.bincount(given.truth, minlength=len(given.labels))
    classes = [1] if len(rows) == 2 else range(len(rows))
    judged = [k for k in classes if 0 < rows[k] < len(given.truth)]
    shares = compared(given.probabilities)
    areas = [average_precision_score(given.truth == k, shares[:, k]) for k in judged]
    return float(np.mean(areas)) if areas else None


@dataclass(frozen=True)
class Reliability:
    """How sure the answers were and how often they were right, by ranges of how sure.

    `error`: the expected calibration error, the mean gap between the two (Naeini et al. 2015).
    """

    confidence: tuple[float, ...]
    accuracy: tuple[float, ...]
    rows: tuple[int, ...]

    @property
    def error(self) -> float:
        """The mean gap, each range weighted by its rows."""
        gaps = np.abs(np.array(self.confidence) - np.array(self.accuracy))
        return float(np.average(gaps, weights=self.rows))


def confidence(given: Answers) -> tuple[np.ndarray, np.ndarray]:
    """Return how sure each answer is [n], and in which of the `RANGES` that lies [n]."""
    highest = np.clip(given.probabilities.max(axis=1), 0.0, 1.0)
    # float32 and float64 put what lies on a bound into the same range.
    return highest, np.minimum((highest * RANGES + 1e-5).astype(int), RANGES - 1)


def reliability(given: Answers) -> Reliability:
    """Return the calibration in `RANGES` ranges of equal width; empty ones are left out."""
    highest, places = confidence(given)
    rows = np.bincount(places, minlength=RANGES)
    filled = np.flatnonzero(rows)
    sure, right = (
        np.bincount(places, weights=values, minlength=RANGES)[filled] / rows[filled]
        for values in (highest, given.right.astype(float))
    )
    return Reliability(tuple(sure.tolist()), tuple(right.tolist()), tuple(rows[filled].tolist()))


def log_losses(given: Answers) -> np.ndarray:
    """Return what each row's answer costs, [n]: minus the logarithm of its true class's share."""
    chosen = given.probabilities[np.arange(len(given.truth)), given.truth]
    return np.asarray(-np.log(np.clip(chosen, SMALLEST, 1.0)))


def _roc_auc(given: Answers) -> float | None:
    from sklearn.metrics import roc_auc_score

    rows = np.bincount(given.truth, minlength=len(given.labels))
    judged = [place for place, n in enumerate(rows) if 0 < n < len(given.truth)]
    shares = compared(given.probabilities)
    areas = [roc_auc_score(given.truth == k, shares[:, k]) for k in judged]
    return float(np.mean(areas)) if areas else None


def by_class(given: Answers) -> tuple[ClassScores, ...]:
    """Return the scores of each class, in the order of the labels."""
    from sklearn.metrics import precision_recall_fscore_support

    columns = precision_recall_fscore_support(
        given.truth, given.predicted, labels=list(range(len(given.labels))), zero_division=0.0
    )
    told = np.bincount(given.predicted, minlength=len(given.labels))
    return tuple(
        ClassScores(label, float(precise), float(found), float(f1), int(rows), int(said))
        for label, precise, found, f1, rows, said in zip(given.labels, *columns, told, strict=True)
    )


def confusion(given: Answers) -> np.ndarray:
    """Return the counts [k, k]: a row for each true class, a column for each predicted one."""
    from sklearn.metrics import confusion_matrix

    places = list(range(len(given.labels)))
    return np.asarray(confusion_matrix(given.truth, given.predicted, labels=places))


def _one_against_the_rest(given: Answers) -> tuple[str, np.ndarray, np.ndarray] | None:
    """Return name, truth and scores of the second of two classes, or of all classes pooled.

    None where the test part has rows of one class only.
    """
    k, shares = len(given.labels), compared(given.probabilities)
    if k == 2:
        name, truth, scores = str(given.labels[1]), given.truth == 1, shares[:, 1]
    else:
        name = "all classes, one against the rest"
        truth, scores = np.eye(k, dtype=bool)[given.truth].ravel(), shares.ravel()
    return None if truth.all() or not truth.any() else (name, truth, scores)


def roc(given: Answers) -> Curve | None:
    """Return the ROC curve of the second of two classes, or of all classes pooled (micro).

    None where the test part has rows of one class only.
    """
    from sklearn.metrics import roc_curve

    judged = _one_against_the_rest(given)
    if judged is None:
        return None
    name, truth, scores = judged
    false_positive, true_positive, thresholds = roc_curve(truth, scores)
    points = _points(len(thresholds))
    # scikit-learn's first threshold is infinite, which KFP cannot store.
    finite = np.clip(thresholds, 0.0, 1.0)
    parts = (tuple(map(float, part[points])) for part in (false_positive, true_positive, finite))
    return Curve(name, *parts)


def precision_recall(given: Answers) -> PrecisionRecall | None:
    """Return precision against recall of what `roc` is of; None where that is None."""
    from sklearn.metrics import precision_recall_curve

    judged = _one_against_the_rest(given)
    if judged is None:
        return None
    name, truth, scores = judged
    precision, recall, _ = precision_recall_curve(truth, scores)
    points = _points(len(precision))
    parts = (tuple(map(float, part[points])) for part in (recall, precision))
    return PrecisionRecall(name, *parts)


def _points(length: int) -> np.ndarray:
    return np.unique(np.linspace(0, length - 1, CURVE_POINTS).round().astype(int))
