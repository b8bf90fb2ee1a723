"""Whether requests gain from sharing a call of the model: measured once, when it is packaged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import median
from time import perf_counter

import numpy as np

from serving.card import Batching

SIZES = (4, 16, 64)
"""Rows that are tried. A few far apart, so that noise does not choose between neighbours."""

QUEUED_S = 20e-6
"""What a gathered request costs more than one that is answered at once: the queue, and a task of
uvicorn's instead of the express lane (docs/benchmarks.md, "Gathering requests")."""

GAIN = 2.0
"""What the model takes of a request must shrink by this factor at least: a smaller gain drowns in
what a request costs besides, and the card would differ from one packaging to the next."""
NEARLY = 0.75
"""The smallest batch with this share of the best gain is taken: a longer one answers later."""

LONGEST_S = 0.01
"""A batch that would compute for longer is not tried: nothing else is answered in that time."""
SPENT_S = 0.005
"""Time for one size, beyond its first three calls."""
CALLS = 3


def of_graph(
    run: Callable[[Mapping[str, np.ndarray]], object], inputs: Mapping[str, np.ndarray]
) -> Batching | None:
    """Return how requests to a graph are best gathered; `inputs` are rows that it may be asked."""
    most = SIZES[-1]
    cells = {name: np.resize(rows, (most, *rows.shape[1:])) for name, rows in inputs.items()}
    return measured(lambda rows: run({name: some[:rows] for name, some in cells.items()}))


def measured(call: Callable[[int], object]) -> Batching | None:
    """Return how requests are best gathered; None where a call for each is as good.

    `call` asks the model once, with so many rows. This takes a tenth of a second at most; a model
    whose one row costs little is not even asked for many.
    """
    seconds = {1: _typical(call, 1)}
    for rows in SIZES:
        if not may_gain(seconds) or rows * _per_row(seconds) > LONGEST_S:
            break
        seconds[rows] = _typical(call, rows)
    return choose(seconds)


def may_gain(seconds: Mapping[int, float]) -> bool:
    """Say whether a row alone takes so long that batches could pay, were their rows free."""
    return seconds[1] >= GAIN * QUEUED_S


def choose(seconds: Mapping[int, float]) -> Batching | None:
    """Return how to gather, from the seconds of a call by its rows; one row must be among them.

    Nothing waits: while a batch is computed the next one gathers by itself, and a request that
    comes alone would only be answered later.
    """
    single = seconds[1]
    gains = {n: single / (s / n + QUEUED_S) for n, s in seconds.items() if n > 1}
    best = max(gains.values(), default=0.0)
    if best < GAIN:
        return None
    return Batching(min(n for n, gain in gains.items() if gain >= NEARLY * best), 0)


def _per_row(seconds: Mapping[int, float]) -> float:
    return min(taken / rows for rows, taken in seconds.items())


def _typical(call: Callable[[int], object], rows: int) -> float:
    """Return the median seconds of a call, when it is not the first of its size."""
    call(rows)
    taken: list[float] = []
    while len(taken) < CALLS or sum(taken) < SPENT_S:
        began = perf_counter()
        call(rows)
        taken.append(perf_counter() - began)
    return median(taken)
