"""How well a model estimates a number, in numbers that are always finite."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from serving.errors import ModelError, UsageError


@dataclass(frozen=True)
class Estimates:
    """A model's answers to rows whose number is known, both float64 [n]."""

    truth: np.ndarray
    predicted: np.ndarray

    @property
    def errors(self) -> np.ndarray:
        """By how much each answer is too large."""
        return np.asarray(self.predicted - self.truth)


def estimates(truth: np.ndarray, answers: np.ndarray) -> Estimates:
    """Return the answers, [n, 1], ready to be scored.

    Raises `UsageError` where there are no rows, and `ModelError` for an answer that is no number.
    """
    if len(truth) == 0:
        raise UsageError("There are no test rows to score the model on; raise split.test_size.")
    predicted = np.asarray(answers, np.float64).reshape(-1)
    if not np.isfinite(predicted).all():
        row = int(np.argmin(np.isfinite(predicted)))
        raise ModelError(f"The model gave no finite number for test row {row + 1}.")
    return Estimates(truth.astype(np.float64), predicted)


def measure(given: Estimates) -> dict[str, float]:
    """Return every metric of regression that is finite.

    There is no `r2` where all rows have the same number, and no `mape` (a share: 0.1 is 10 %)
    where one of them is 0.
    """
    errors, truth = given.errors, given.truth
    found = {
        "rmse": float(np.sqrt(np.mean(np.square(errors)))),
        "mae": float(np.mean(np.abs(errors))),
    }
    around = float(np.sum(np.square(truth - truth.mean())))
    if around > 0:
        found["r2"] = 1.0 - float(np.sum(np.square(errors))) / around
    if (truth != 0).all():
        with np.errstate(over="ignore"):  # what is not finite is left out
            found["mape"] = float(np.mean(np.abs(errors / truth)))
    return {name: value for name, value in found.items() if np.isfinite(value)}
