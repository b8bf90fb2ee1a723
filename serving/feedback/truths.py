"""Labels and predictions as they are compared: a class as its text, a number as a number."""

from __future__ import annotations

import math
from typing import NamedTuple

LONGEST_LABEL = 200
MOST = 1e38
"""Of a number's size: the fourth power of an error must stay a number."""

Truth = str | float


class Predicted(NamedTuple):
    """One row that was answered; `at` in seconds since 1970."""

    id: str
    row: int
    at: float
    version: str
    output: Truth


class Labelled(NamedTuple):
    """What was true of one row."""

    id: str
    row: int
    label: Truth


def class_text(label: object) -> str | None:
    """Return how a class is compared: 1, 1.0 and "1" are one; None where it is no class.

    Clients send what their own tables hold, and these seldom have the types of the training data.
    """
    if isinstance(label, bool):
        return "true" if label else "false"
    if isinstance(label, float):
        if not math.isfinite(label):
            return None
        return str(int(label)) if label.is_integer() else repr(label)
    if isinstance(label, int):
        return str(label)
    return label if isinstance(label, str) and 0 < len(label) <= LONGEST_LABEL else None


def number(label: object) -> float | None:
    """Return a number that errors can be summed up of; None where it is none."""
    if isinstance(label, bool) or not isinstance(label, int | float):
        return None
    return float(label) if -MOST <= label <= MOST else None
