"""What each column is worth to a model: how much worse its answers get when it is shuffled.

Permutation importance (Breiman 2001) on the test rows. The columns are shuffled side by side and
asked at once: a model that is asked a hundred times costs more than its answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

ROWS_ASKED = 10_000
REPEATS = 3
MOST_COLUMNS = 200
"""Of more columns each would be judged by a handful of rows, which tells nothing."""

Cells = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Importance:
    """A column, and by how much the error grows without it: mean and spread of the repeats."""

    column: str
    growth: float
    spread: float


@dataclass(frozen=True)
class Asked:
    """How a model answers to cells, and how wrong its answers to some test rows are."""

    ask: Callable[[Cells], np.ndarray]
    error: Callable[[np.ndarray, np.ndarray], float]
    """Of answers, and of the numbers of the rows that they are to."""


def importances(asked: Asked, cells: Cells, seed: int) -> tuple[Importance, ...]:
    """Return the importance of every column, the largest first; none of very many columns."""
    if len(cells) > MOST_COLUMNS:
        return ()
    rng, rows = np.random.default_rng(seed), len(next(iter(cells.values())))
    blocks = len(cells) * REPEATS
    chosen = np.sort(rng.permutation(rows)[: max(ROWS_ASKED // (blocks + 1), 1)])
    shuffled = _shuffled({name: values[chosen] for name, values in cells.items()}, rng)
    answers = asked.ask(shuffled).reshape(blocks + 1, len(chosen), -1)
    errors = np.array([asked.error(block, chosen) for block in answers])
    growths = (errors[1:] - errors[0]).reshape(len(cells), REPEATS)
    found = [
        Importance(name, float(growth.mean()), float(growth.std()))
        for name, growth in zip(cells, growths, strict=True)
    ]
    return tuple(sorted(found, key=lambda importance: -importance.growth))


def _shuffled(cells: Cells, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return the rows as they are, then, for each column, `REPEATS` times with it shuffled."""
    blocks = len(cells) * REPEATS + 1
    found = {}
    for place, (name, values) in enumerate(cells.items()):
        tiled = np.tile(values, (blocks, 1))
        for block in range(1 + place * REPEATS, 1 + (place + 1) * REPEATS):
            tiled[block] = rng.permutation(values)
        found[name] = tiled.ravel()
    return found
