"""Scores as probabilities: a sigmoid for two classes (Platt 1999), its softmax form for more.

The softmax takes all scores times one number, plus one number a class (Guo et al. 2017, "On
Calibration of Modern Neural Networks", between temperature and vector scaling). It stays finite for
scores of any size, which sigmoids that are divided by their sum do not in float32; and for linear
scores it is a logistic regression again, so that nothing has to stand behind the model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Calibration:
    """Probabilities are the softmax of `scale` times the scores [n, k] plus `bias` [k]."""

    scale: float
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
    targets = _smoothed(truth, classes)
    weights = np.ones(rows) if weights is None else weights / weights.mean()

    def loss(found: np.ndarray) -> tuple[float, np.ndarray]:
        logits = found[0] * scores / spread + found[1:]
        logs = logits - _logsumexp(logits)
        wrong = (np.exp(logs) - targets) * weights[:, None] / rows
        slope = np.concatenate([[(wrong * scores / spread).sum()], wrong.sum(axis=0)])
        return float(-(targets * logs * weights[:, None]).sum() / rows), slope

    start = np.concatenate([[1.0], np.zeros(classes)])
    bounds = [(1e-6, None), *[(None, None)] * classes]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    return Calibration(float(found[0]) / spread, found[1:] - found[1:].mean())


def _smoothed(truth: np.ndarray, classes: int) -> np.ndarray:
    sizes = np.bincount(truth, minlength=classes)
    own = (sizes + 1) / (sizes + 2)
    targets = np.repeat((1 - own)[truth][:, None] / (classes - 1), classes, axis=1)
    targets[np.arange(len(truth)), truth] = own[truth]
    return targets


def _logsumexp(logits: np.ndarray) -> np.ndarray:
    highest = logits.max(axis=1, keepdims=True)
    return np.asarray(highest + np.log(np.exp(logits - highest).sum(axis=1, keepdims=True)))
