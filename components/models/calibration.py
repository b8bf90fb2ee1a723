"""Scores as probabilities: a sigmoid for two classes (Platt 1999), a softmax of them for more.

Of more than two classes the scores tell each class from the rest, and one that lies between others
(versicolor of the irises) has hardly any that is high: what speaks for it is that the others are
low. So each class may draw on the scores of all (matrix scaling, Guo et al. 2017, "On Calibration
of Modern Neural Networks"), held to its own by a penalty (Kull et al. 2019, "Beyond temperature
scaling"). It stays finite for scores of any size, which sigmoids that are divided by their sum do
not in float32; and for linear scores it is a logistic regression again, so that nothing has to
stand behind the model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MOST_MIXED = 50
"""Of more classes, whose squares would be many numbers to learn, each has its own score only."""
PULL = 1.0
"""What the squares of the shares in other classes' scores cost, beside the log loss of all rows."""


@dataclass(frozen=True)
class Calibration:
    """Probabilities are the softmax of `mix` [k, k] times the scores [k] plus `bias` [k]."""

    mix: np.ndarray
    bias: np.ndarray


def calibrate(
    scores: np.ndarray, truth: np.ndarray, weights: np.ndarray | None = None
) -> Calibration:
    """Return the calibration under which `truth` [n] (places of classes) is likeliest.

    The targets are smoothed as Platt's are, (n_k + 1) / (n_k + 2) for two classes, so that scores
    that separate the classes do not become certainties.
    """
    from scipy.optimize import minimize

    rows, classes = scores.shape
    spread = float(np.std(scores - scores.mean(axis=1, keepdims=True))) or 1.0
    scaled, targets = scores / spread, _smoothed(truth, classes)
    weights = np.ones(rows) if weights is None else weights / weights.mean()
    mixed = classes**2 if 2 < classes <= MOST_MIXED else 0

    def loss(found: np.ndarray) -> tuple[float, np.ndarray]:
        shares = found[1 + classes :]
        logits = scaled @ _mix(found[0], shares, classes).T + found[1 : 1 + classes]
        logs = logits - _logsumexp(logits)
        wrong = (np.exp(logs) - targets) * weights[:, None] / rows
        slopes = [[(wrong * scaled).sum()], wrong.sum(axis=0)]
        if mixed:
            slopes.append((wrong.T @ scaled).ravel() + PULL * shares / rows)
        pull = PULL * float(shares @ shares) / (2 * rows)
        value = -(targets * logs * weights[:, None]).sum() / rows
        return float(value) + pull, np.concatenate(slopes)

    start = np.concatenate([[1.0], np.zeros(classes + mixed)])
    bounds = [(1e-6, None), *[(None, None)] * (classes + mixed)]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    bias = found[1 : 1 + classes]
    return Calibration(_mix(found[0], found[1 + classes :], classes) / spread, bias - bias.mean())


def _mix(scale: float, shares: np.ndarray, classes: int) -> np.ndarray:
    own = scale * np.eye(classes)
    return own + shares.reshape(classes, classes) if len(shares) else own


def _smoothed(truth: np.ndarray, classes: int) -> np.ndarray:
    sizes = np.bincount(truth, minlength=classes)
    own = (sizes + 1) / (sizes + 2)
    targets = np.repeat((1 - own)[truth][:, None] / (classes - 1), classes, axis=1)
    targets[np.arange(len(truth)), truth] = own[truth]
    return targets


def _logsumexp(logits: np.ndarray) -> np.ndarray:
    highest = logits.max(axis=1, keepdims=True)
    return np.asarray(highest + np.log(np.exp(logits - highest).sum(axis=1, keepdims=True)))
