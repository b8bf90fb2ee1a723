"""Support vector machines, as a pipeline's last step that makes the model which takes its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

MOST_FOLDS = 5
MOST_STEPS = 10_000_000
"""libsvm's own limit, which scikit-learn lifts: with a C that is too large it may never end."""
OURS = ("max_rows",)
"""Settings that scikit-learn does not know."""


def _theirs(settings: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in settings.items() if name not in OURS}
    return {**kept, "max_iter": MOST_STEPS}


@dataclass
class SvmTrainer:
    """Makes an SVC behind sigmoids, which are fitted by cross-validation (Platt 1999)."""

    settings: Mapping[str, Any]
    random_state: int
    fitted_: Any = None

    def fit(self, rows: np.ndarray, labels: np.ndarray) -> SvmTrainer:
        """Train on rows [n, features]; raise `ValueError` for a class of a single row."""
        from sklearn.calibration import CalibratedClassifierCV
        from sklearn.model_selection import StratifiedKFold
        from sklearn.svm import SVC

        classes, sizes = np.unique(labels, return_counts=True)
        if sizes.min() < 2:
            raise ValueError(
                f"class {classes[sizes.argmin()]} has a single row to train on and its probability "
                "takes two; add rows, merge classes, or choose another kind"
            )
        folds = StratifiedKFold(
            min(MOST_FOLDS, int(sizes.min())), shuffle=True, random_state=self.random_state
        )
        machine = SVC(**_theirs(self.settings))
        self.fitted_ = CalibratedClassifierCV(machine, cv=folds, ensemble=False).fit(rows, labels)
        # What drew the folds is of no use to an answer.
        self.fitted_.cv = None
        return self


@dataclass
class SvrTrainer:
    """Makes an SVR; it learns the target with mean 0 and spread 1."""

    settings: Mapping[str, Any]
    fitted_: Any = None

    def fit(self, rows: np.ndarray, targets: np.ndarray) -> SvrTrainer:
        """Train on rows [n, features]."""
        from sklearn.svm import SVR

        mean, spread = float(targets.mean()), float(targets.std()) or 1.0
        model = SVR(**_theirs(self.settings)).fit(rows, (targets - mean) / spread)
        # An SVR is a sum of kernels times weights, so units go into the weights.
        for weights in ("dual_coef_", "_dual_coef_"):
            setattr(model, weights, getattr(model, weights) * spread)
        for offset in ("intercept_", "_intercept_"):
            setattr(model, offset, getattr(model, offset) * spread + mean)
        self.fitted_ = model
        return self
