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
    """How one class fares; `rows` of the test part are truly of it."""

    label: Label
    precision: float
    recall: float
    f1: float
    rows: int


@dataclass(frozen=True)
class Curve:
    """A ROC curve of at most `CURVE_POINTS` points, without infinities."""

    name: str
    false_positive: tuple[float, ...]
    true_positive: tuple[float, ...]
    thresholds: tuple[float, ...]


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
        predicted=probabilities.argmax(axis=1),
        probabilities=_widened(probabilities, len(known)),
    )


def _widened(probabilities: np.ndarray, width: int) -> np.ndarray:
    # float32 rows do not add up to one exactly enough for log_loss; as float64 they can.
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
        precision, recall, f1, _ = metrics.precision_recall_fscore_support(
            truth, predicted, average="macro", zero_division=0.0
        )
        found = {
            "accuracy": metrics.accuracy_score(truth, predicted),
            "balanced_accuracy": metrics.balanced_accuracy_score(truth, predicted),
            "f1_macro": f1,
            "precision_macro": precision,
            "recall_macro": recall,
            "log_loss": _log_loss(given),
            "roc_auc": _roc_auc(given),
        }
    return {name: float(value) for name, value in found.items() if value is not None}


def _log_loss(given: Answers) -> float:
    from sklearn.metrics import log_loss

    places = list(range(len(given.labels)))
    if len(places) < 2:
        return 0.0
    return float(log_loss(given.truth, given.probabilities, labels=places))


def _roc_auc(given: Answers) -> float | None:
    from sklearn.metrics import roc_auc_score

    rows = np.bincount(given.truth, minlength=len(given.labels))
    judged = [place for place, n in enumerate(rows) if 0 < n < len(given.truth)]
    areas = [roc_auc_score(given.truth == k, given.probabilities[:, k]) for k in judged]
    return float(np.mean(areas)) if areas else None


def by_class(given: Answers) -> tuple[ClassScores, ...]:
    """Return the scores of each class, in the order of the labels."""
    from sklearn.metrics import precision_recall_fscore_support

    columns = precision_recall_fscore_support(
        given.truth, given.predicted, labels=list(range(len(given.labels))), zero_division=0.0
    )
    return tuple(
        ClassScores(label, float(precision), float(recall), float(f1), int(rows))
        for label, precision, recall, f1, rows in zip(given.labels, *columns, strict=True)
    )


def confusion(given: Answers) -> np.ndarray:
    """Return the counts [k, k]: a row for each true class, a column for each predicted one."""
    from sklearn.metrics import confusion_matrix

    places = list(range(len(given.labels)))
    return np.asarray(confusion_matrix(given.truth, given.predicted, labels=places))


def roc(given: Answers) -> Curve | None:
    """Return the ROC curve of the second of two classes, or of all classes pooled (micro).

    None where the test part has rows of one class only.
    """
    from sklearn.metrics import roc_curve

    k = len(given.labels)
    if k == 2:
        name, truth, scores = str(given.labels[1]), given.truth == 1, given.probabilities[:, 1]
    else:
        name = "all classes, one against the rest"
        truth, scores = np.eye(k, dtype=bool)[given.truth].ravel(), given.probabilities.ravel()
    if truth.all() or not truth.any():
        return None
    false_positive, true_positive, thresholds = roc_curve(truth, scores)
    points = np.unique(np.linspace(0, len(thresholds) - 1, CURVE_POINTS).round().astype(int))
    # scikit-learn's first threshold is infinite, which KFP cannot store.
    finite = np.clip(thresholds, 0.0, 1.0)
    parts = (tuple(map(float, part[points])) for part in (false_positive, true_positive, finite))
    return Curve(name, *parts)
