"""Networks, and what is a network without a hidden layer: logistic and ridge regression.

Both are scikit-learn's MLP, which takes an epoch at a time (`partial_fit`) in true batches. A
linear one is answered by the linear model that it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import numpy as np

from components.models.epochs import Part

TRAINING_ONLY = ("_optimizer", "_random_state", "loss_curve_", "validation_scores_")
"""What a network holds for its own training; kept, it would treble the file."""


class GradientLearner:
    """What both tasks share; `settings` are the hyperparameters of the kind."""

    def __init__(self, settings: Mapping[str, Any], random_state: int, rows: int) -> None:
        self._is_linear = "hidden_layer_sizes" not in settings
        self._settings = {
            "hidden_layer_sizes": settings.get("hidden_layer_sizes", ()),
            "activation": settings.get("activation", "identity"),
            "solver": settings["optimizer"],
            "alpha": settings["alpha"],
            "learning_rate_init": settings["learning_rate"],
            "batch_size": min(settings["batch_size"] or _batch_size(rows), rows),
            "random_state": random_state,
            "n_iter_no_change": 10_000_000,  # when it ends is decided elsewhere
        }
        self.model: Any = None

    def state(self) -> Any:
        """Return copies of the weights."""
        return deepcopy((self.model.coefs_, self.model.intercepts_))

    def recall(self, state: Any) -> None:
        """Put the weights back."""
        self.model.coefs_, self.model.intercepts_ = deepcopy(state)

    def _bare(self) -> Any:
        for name in TRAINING_ONLY:
            self.model.__dict__.pop(name, None)
        return self.model


def _batch_size(rows: int) -> int:
    """Return how many rows a step takes: few rows need many steps, many rows long ones."""
    return min(max(rows // 64, 16), 256)


class GradientClassifier(GradientLearner):
    """Learns which class; targets are places in `classes`."""

    def __init__(
        self, settings: Mapping[str, Any], random_state: int, rows: int, classes: np.ndarray
    ) -> None:
        from sklearn.neural_network import MLPClassifier

        super().__init__(settings, random_state, rows)
        self._classes = classes
        self.model = MLPClassifier(**self._settings)

    def epoch(self, part: Part, rng: np.random.Generator) -> None:
        """Go once over the rows; the order is drawn by the network's own seed."""
        labels = self._classes[part.targets]
        self.model.partial_fit(part.rows, labels, part.weights, classes=self._classes)

    def measure(self, part: Part) -> dict[str, float]:
        """Return the log loss and the accuracy."""
        probabilities = self.model.predict_proba(part.rows)
        own = probabilities[np.arange(len(part.rows)), part.targets]
        loss = -np.log(np.maximum(own.astype(np.float64), 1e-15))
        right = probabilities.argmax(axis=1) == part.targets
        return {
            "loss": float(np.average(loss, weights=part.weights)),
            "accuracy": float(right.mean()),
        }

    def plain(self) -> Any:
        """Return what was learned as a model that holds nothing else."""
        if not self._is_linear:
            return self._bare()
        from components.models.linear import logistic

        return logistic(self.model.coefs_[0].T, self.model.intercepts_[0], self._classes)


class GradientRegressor(GradientLearner):
    """Learns a number; targets have the mean 0 and the spread 1."""

    def __init__(self, settings: Mapping[str, Any], random_state: int, rows: int) -> None:
        from sklearn.neural_network import MLPRegressor

        super().__init__(settings, random_state, rows)
        self.model = MLPRegressor(**self._settings)

    def epoch(self, part: Part, rng: np.random.Generator) -> None:
        """Go once over the rows; the order is drawn by the network's own seed."""
        self.model.partial_fit(part.rows, part.targets)

    def measure(self, part: Part) -> dict[str, float]:
        """Return the mean squared error, in squares of the target's spread."""
        return {"loss": float(np.mean((self.model.predict(part.rows) - part.targets) ** 2))}

    def plain(self, mean: float, spread: float) -> Any:
        """Return what was learned, of targets as they are."""
        if self._is_linear:
            from components.models.linear import ridge

            weights, offset = self.model.coefs_[0][:, 0], self.model.intercepts_[0][0]
            return ridge(weights * spread, offset * spread + mean)
        model = self._bare()
        kind = model.coefs_[-1].dtype
        model.coefs_[-1] = (model.coefs_[-1] * spread).astype(kind)
        model.intercepts_[-1] = (model.intercepts_[-1] * spread + mean).astype(kind)
        return model
