"""Training by epochs: who learns is a `Learner`, when it ends is decided here."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from components.models.hyperparameters import Epochs

MEASURED_ROWS = 10_000
"""So many training rows are asked after each epoch: enough for a curve, whatever there are."""
LEAST_GAIN = 1e-4
"""A loss that fell by less than this part did not fall."""
DIVERGED = "non-finite parameter weights"
"""What scikit-learn says of a network where steps were too long for its numbers."""


@dataclass(frozen=True)
class Epoch:
    """What was measured after one pass; `values`: train_loss, val_loss and the like."""

    number: int
    values: Mapping[str, float]


Watch = Callable[[Epoch], None]


@dataclass(frozen=True)
class Part:
    """Rows [n, features] as float32, what they are to give, and how much each counts."""

    rows: np.ndarray
    targets: np.ndarray
    weights: np.ndarray | None = None

    def take(self, which: np.ndarray) -> Part:
        """Return some of the rows, by a mask or by their numbers."""
        weights = None if self.weights is None else self.weights[which]
        return Part(self.rows[which], self.targets[which], weights)

    def __len__(self) -> int:
        return len(self.rows)

    def parts(self, rng: np.random.Generator) -> Iterator[Part]:
        """Yield all rows, which are in memory, at once."""
        yield self

    def some(self, most: int, rng: np.random.Generator) -> Part:
        """Return as many rows as that, drawn from `rng`; all of them where they are no more."""
        if len(self) <= most:
            return self
        return self.take(np.sort(rng.choice(len(self), most, replace=False)))


class Source(Protocol):
    """Rows to train on, wherever they are."""

    def __len__(self) -> int:
        """How many rows there are."""

    def parts(self, rng: np.random.Generator) -> Iterator[Part]:
        """Yield each row once, in parts that fit into memory and whose order is drawn from `rng`.

        Which rows are in one part is chance; within it they may lie in any order.
        """

    def some(self, most: int, rng: np.random.Generator) -> Part:
        """Return rows that stand for all, `most` at most."""


class Learner(Protocol):
    """A model that is being made."""

    def epoch(self, part: Part, rng: np.random.Generator) -> None:
        """Go once over the rows, in an order that is drawn from `rng`."""

    def measure(self, part: Part) -> dict[str, float]:
        """Return `loss`, the lower the better, and how good the answers are."""

    def state(self) -> Any:
        """Return all that was learned, as it is now."""

    def recall(self, state: Any) -> None:
        """Become what `state` returned once."""


@dataclass(frozen=True)
class Ways:
    """Where chance comes from, and who is told of every epoch."""

    rng: np.random.Generator
    watch: Watch


def learn(learner: Learner, parts: tuple[Source, Part], plan: Epochs, ways: Ways) -> int:
    """Train on the first part, watched by the second; return the number of the epoch that won.

    Without early stopping, or with an empty second part, the last one wins. Raises `ValueError`
    where the loss leaves the finite numbers.
    """
    best, best_state, least = 0, None, math.inf
    shown = parts[0].some(MEASURED_ROWS, ways.rng)
    for number in range(1, plan.epochs + 1):
        _pass(number, learner, parts[0], ways.rng)
        epoch = _measured(number, learner, shown, parts[1])
        ways.watch(epoch)
        if not plan.early_stopping or not len(parts[1]):
            best = number
            continue
        if epoch.values["val_loss"] < least - LEAST_GAIN * abs(least if best else 0.0):
            best, best_state, least = number, learner.state(), epoch.values["val_loss"]
        elif number - best >= plan.patience:
            break
    if best_state is not None:
        learner.recall(best_state)
    return best


def _pass(number: int, learner: Learner, source: Source, rng: np.random.Generator) -> None:
    try:
        for part in source.parts(rng):
            learner.epoch(part, rng)
    except ValueError as error:
        # scikit-learn would have the numbers scaled, which they are.
        if DIVERGED not in str(error):
            raise
        reason = f"its weights left the finite numbers in epoch {number}; lower learning_rate"
        raise ValueError(reason) from error


def _measured(number: int, learner: Learner, train: Part, held_out: Part) -> Epoch:
    values = {f"train_{name}": value for name, value in learner.measure(train).items()}
    if len(held_out):
        values |= {f"val_{name}": value for name, value in learner.measure(held_out).items()}
    lost = next((name for name, value in values.items() if not math.isfinite(value)), None)
    if lost:
        raise ValueError(f"{lost} is {values[lost]} after epoch {number}; lower learning_rate")
    return Epoch(number, values)


def held_out(strata: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Return a mask of the rows to watch by: `share` of each stratum, rounded, never all of it."""
    order = rng.permutation(len(strata))
    _, codes = np.unique(strata[order], return_inverse=True)
    sizes = np.bincount(codes)
    grouped = np.argsort(codes, kind="stable")
    rank = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    wanted = np.minimum(np.round(sizes * share), sizes - 1)
    mask = np.zeros(len(order), dtype=bool)
    mask[order[grouped[rank < np.repeat(wanted, sizes)]]] = True
    return mask
