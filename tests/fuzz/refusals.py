"""What a refusal must be, whatever was sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from serving.predictor.cells import BadRequest

LONGEST_SENTENCE = 2000

Cells = TypeVar("Cells")


def read(take: Callable[[], Cells]) -> Cells | None:
    """Return the cells; None where they were refused in one sentence of a moderate length."""
    try:
        return take()
    except BadRequest as error:
        sentence = str(error)
        assert 0 < len(sentence) < LONGEST_SENTENCE
        assert "\n" not in sentence
        return None
