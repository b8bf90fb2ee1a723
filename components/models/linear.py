"""Linear models that were learned elsewhere, as the scikit-learn model that answers like them.

Whatever made the weights, what answers is a logistic or a ridge regression: the two that the
server, the converter and skops know best, and that keep nothing of their training.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def logistic(weights: np.ndarray, offsets: np.ndarray, classes: np.ndarray) -> Any:
    """Return the LogisticRegression of weights [k, features] (two classes: [1, features])."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression()
    model.coef_ = np.array(weights, np.float64)
    model.intercept_ = np.array(offsets, np.float64)
    model.classes_ = classes
    model.n_features_in_ = weights.shape[1]
    model.n_iter_ = np.zeros(1, np.int32)
    return model


def ridge(weights: np.ndarray, offset: float) -> Any:
    """Return the Ridge of weights [features]."""
    from sklearn.linear_model import Ridge

    model = Ridge()
    model.coef_ = np.array(weights, np.float64)
    model.intercept_ = float(offset)
    model.n_features_in_ = len(weights)
    return model
