"""What a training says of itself: a model's labels, and its epochs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from serving.signature import Label


def labels(classes: np.ndarray) -> tuple[Label, ...]:
    """Return a fitted model's classes as plain Python values, in its order."""
    return tuple(classes.tolist())


def epoch(number: int, epochs: int, measured: Mapping[str, float]) -> str:
    """Return what was measured in an epoch, in one line."""
    shown = ", ".join(f"{name.replace('_', ' ')} {n:.4f}" for name, n in measured.items())
    return f"epoch {number} of {epochs}: {shown}"
