"""What a training says of itself: a model's labels, and its epochs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from serving.signature import Label

if TYPE_CHECKING:
    from components.train.image_step import Request
    from components.trained import Training


def labels(classes: np.ndarray) -> tuple[Label, ...]:
    """Return a fitted model's classes as plain Python values, in its order."""
    return tuple(classes.tolist())


def epoch(number: int, epochs: int, measured: Mapping[str, float]) -> str:
    """Return what was measured in an epoch, in one line."""
    shown = ", ".join(f"{name.replace('_', ' ')} {n:.4f}" for name, n in measured.items())
    return f"epoch {number} of {epochs}: {shown}"


def differences(
    training: Training, settings: Mapping[str, Any], request: Request, learned: str
) -> list[str]:
    """Return in what a trained network is not what a request asks for, as clauses.

    `settings`: every hyperparameter that is asked for; `learned`: the digest of what it is to
    learn from.
    """
    found = []
    if training.learned_sha256 != learned:
        known = training.learned_sha256[:12] or "unknown"
        found.append(
            f"it learned from other pictures (sha256 {known}) than this run's training part "
            f"({learned[:12]})"
        )
    there = {"kind": training.kind, "random_state": training.random_state}
    here: dict[str, Any] = {"kind": request.kind, "random_state": request.random_state}
    there, here = {**there, **training.hyperparameters}, {**here, **settings}
    for name in sorted(there.keys() | here.keys()):
        if there.get(name) != here.get(name):
            found.append(f"{name} is {there.get(name)} there and {here.get(name)} here")
    return found


def taken(place: str, rows: int, seconds: float) -> str:
    """Return where a network was taken from, in one line."""
    return f"taken from {place}, where it learned from {rows} pictures in {seconds:.0f} s"
