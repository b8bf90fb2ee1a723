"""Linear kinds that look at one row at a time: hinge, perceptron, passive-aggressive.

scikit-learn >= 1.8 spells all three through SGD: passive-aggressive is `learning_rate="pa1"`
or "pa2", both with the plain loss, whose `eta0` is the aggressiveness (Crammer et al. 2006).
Weights are averaged over all steps (Polyak; for the perceptron Freund and Schapire 1999), and of
more than two classes each is told from the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from components.models.calibration import Calibration
from components.models.epochs import Part

CLASSIFIERS = {"linear_svm": "hinge", "perceptron": "perceptron", "passive_aggressive": "hinge"}
"""Kind → what it makes small."""


def _settings(kind: str, settings: Mapping[str, Any], random_state: int) -> dict[str, Any]:
    return {
        "penalty": "l2" if "alpha" in settings else None,
        "alpha": settings.get("alpha", 0.0),
        "learning_rate": settings.get("variant", "constant"),
        "eta0": settings["learning_rate"],
        "average": settings["average"],
        "shuffle": False,  # the rows come in a drawn order already
        "random_state": random_state,
    }


class RowLearner:
    """What both tasks share."""

    def __init__(self, batch_size: int | None) -> None:
        self._batch_size = batch_size
        self.model: Any = None

    def state(self) -> Any:
        """Return copies of the weights."""
        return self.model.coef_.copy(), self.model.intercept_.copy()

    def recall(self, state: Any) -> None:
        """Put the weights back."""
        self.model.coef_, self.model.intercept_ = state

    def epoch(self, part: Part, rng: np.random.Generator) -> None:
        """Go once over the rows, in an order that is drawn from `rng`."""
        order = rng.permutation(len(part.rows))
        size = self._batch_size or len(order)
        for start in range(0, len(order), size):
            self._step(part.take(order[start : start + size]))

    def _step(self, part: Part) -> None:
        raise NotImplementedError


class RowClassifier(RowLearner):
    """Learns which class; targets are places in `classes`."""

    def __init__(
        self, kind: str, settings: Mapping[str, Any], random_state: int, classes: np.ndarray
    ) -> None:
        from sklearn.linear_model import SGDClassifier

        super().__init__(settings["batch_size"])
        self._classes = classes
        self._margin = 0.0 if kind == "perceptron" else 1.0
        own = _settings(kind, settings, random_state)
        self.model = SGDClassifier(loss=CLASSIFIERS[kind], **own)

    def _step(self, part: Part) -> None:
        places = np.arange(len(self._classes))
        self.model.partial_fit(part.rows, part.targets, places, part.weights)

    def scores(self, rows: np.ndarray) -> np.ndarray:
        """Return how much speaks for each class, [n, k]."""
        found = np.asarray(self.model.decision_function(rows), np.float64)
        return found if found.ndim == 2 else np.stack([np.zeros_like(found), found], axis=1)

    def measure(self, part: Part) -> dict[str, float]:
        """Return the mean of what lies on the wrong side of the margin, and the accuracy.

        The perceptron has no margin and no scale: its loss is measured in lengths of its weights.
        """
        scores = self.scores(part.rows)
        sides = np.where(np.arange(scores.shape[1]) == part.targets[:, None], 1.0, -1.0)
        if scores.shape[1] == 2:
            sides, judged = sides[:, 1:], scores[:, 1:]
        else:
            judged = scores
        if not self._margin:
            judged = judged / np.maximum(np.linalg.norm(self.model.coef_, axis=1), 1e-12)
        losses = np.maximum(0.0, self._margin - sides * judged).sum(axis=1)
        right = scores.argmax(axis=1) == part.targets
        return {
            "loss": float(np.average(losses, weights=part.weights)),
            "accuracy": float(right.mean()),
        }

    def plain(self, found: Calibration) -> Any:
        """Return the logistic regression that the calibrated scores are."""
        from components.models.linear import logistic

        # Of two classes only the difference counts.
        two = len(self._classes) == 2
        mix = found.mix[1:, 1:] if two else found.mix
        shift = found.bias[1:] - found.bias[:1] if two else found.bias
        weights, offsets = mix @ self.model.coef_, mix @ self.model.intercept_
        return logistic(weights, offsets + shift, self._classes)


class RowRegressor(RowLearner):
    """Learns a number; targets have the mean 0 and the spread 1."""

    def __init__(self, kind: str, settings: Mapping[str, Any], random_state: int) -> None:
        from sklearn.linear_model import SGDRegressor

        super().__init__(settings["batch_size"])
        self._epsilon = settings["epsilon"]
        own = _settings(kind, settings, random_state)
        self.model = SGDRegressor(loss="epsilon_insensitive", epsilon=self._epsilon, **own)

    def _step(self, part: Part) -> None:
        self.model.partial_fit(part.rows, part.targets)

    def measure(self, part: Part) -> dict[str, float]:
        """Return the mean error beyond epsilon, in spreads of the target."""
        errors = np.abs(self.model.predict(part.rows) - part.targets)
        return {"loss": float(np.maximum(0.0, errors - self._epsilon).mean())}

    def plain(self, mean: float, spread: float) -> Any:
        """Return what was learned, of targets as they are."""
        from components.models.linear import ridge

        offset = float(np.ravel(self.model.intercept_)[0])
        return ridge(self.model.coef_ * spread, offset * spread + mean)
