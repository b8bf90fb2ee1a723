"""Intervals by drawing the test rows again: any metric, of one model or of two on the same rows.

Rows are drawn within their class, so that no replicate lacks one that a metric needs. Rows that
count alike (same truth, same two answers) are drawn as one multinomial count, which is the same
bootstrap at a cost that does not grow with the rows; of very many rows, random groups are drawn.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, stdtrit

from components.gate.statistics import LABEL_METRICS, Ranks, Statistic, Sums, statistic
from components.metrics import IN_UNITS, SHARES
from components.number_scores import Estimates
from components.paired import Answered, Paired
from components.scores import Answers
from serving.golden import TOLERANCE

ROUNDING = 1e-9
"""The part of a metric below which a difference is none: 0.96 - 0.01 is not quite 0.95."""
LEAST = 1e-6
"""What two forms of a model differ by in a metric without a unit, however near to 0 it is."""
REPLICATES, FEWEST_REPLICATES = 2_000, 400
CELLS_AT_ONCE = 2_000_000
"""Weights held at a time: 16 MB, and as much again a few times over while they are used."""
CELLS = 200_000_000
"""Weights drawn in all, beyond which an area under a curve takes fewer replicates."""
MOST_GROUPS = 10_000
FEW_ROWS = 50
"""At so many rows alpha is halved, far beyond it is nearly what was asked for."""
LEAST_DEFINED = 0.9
"""Of the replicates: a metric that is missing in more of them has no interval."""


@dataclass(frozen=True)
class Interval:
    """By how much the candidate is better, and one-sided bounds at alpha each.

    `variance`: of the difference, times the rows: what one more row brings; 0 where none was seen.
    """

    difference: float
    low: float
    high: float
    variance: float


@dataclass(frozen=True)
class Draws:
    """What is drawn: units of rows with how many they are, in strata, and how they are measured."""

    counts: np.ndarray
    strata: np.ndarray
    models: tuple[Statistic, ...]
    rows: int
    units: np.ndarray | None = None
    """The unit of every row, where the models are measured by rows and not by units."""


def measured(metric: str, given: Answered) -> float | None:
    """Return the metric of a model's answers, None where it is not defined on these rows."""
    try:
        value = float(statistic(metric, given).of(np.ones((1, len(given.truth))))[0])
    except KeyError:
        return None
    return value if math.isfinite(value) else None


def interval(
    metric: str, paired: Paired, alpha: float, rng: np.random.Generator
) -> Interval | None:
    """Return by how much the candidate's metric is above the champion's, or above 0.

    None where it is not defined on these rows, or on so many replicates that no bound can be told.
    """
    models = [each for each in (paired.candidate, paired.champion) if each is not None]
    values = [value for each in models if (value := measured(metric, each)) is not None]
    if len(values) < len(models) or paired.rows < 2:
        return None
    found = replicates(draws(metric, models, rng), rng)
    kept = found[np.isfinite(found)]
    if len(kept) < LEAST_DEFINED * len(found):
        return None
    difference = values[0] - values[1] if len(values) == 2 else values[0]
    free = paired.rows - len(np.unique(_strata(models[0])))
    same = hair(metric, max(map(abs, values)))
    if len(values) == 2 and abs(difference) <= same:
        difference = 0.0  # no number of rows would tell on which side of it the truth is
    with np.errstate(over="ignore"):  # what is not finite is no interval
        low, high = _bounds(difference, kept, alpha, free)
        reach = 1.0 if metric in SHARES else math.inf
        bounds = max(low - same, -reach), min(high + same, reach)
        numbers = (difference, *bounds, float(kept.var()) * paired.rows)
    return Interval(*numbers) if all(map(math.isfinite, numbers)) else None


def hair(metric: str, value: float) -> float:
    """Return by how much a metric must differ from a value to be another.

    What follows from numbers, and not from labels alone, may differ by as much as the two forms of
    a model: the champion answers as it is served, the candidate does not.
    """
    if metric in LABEL_METRICS:
        return abs(value) * ROUNDING
    return max(abs(value) * TOLERANCE, 0.0 if metric in IN_UNITS else LEAST)


def _bounds(difference: float, drawn: np.ndarray, alpha: float, free: int) -> tuple[float, float]:
    """Return the widest of the percentiles, of them mirrored, and of Student's bounds.

    Each alone lets through more than alpha where few rows make a skewed metric, and which of them
    does differs by metric; even the widest does at thirty rows, so alpha itself is smaller there
    (`make bench-gate` shows what comes of it). `free`: rows, less one for each stratum.
    """
    free = max(free, 1)
    reach = -float(stdtrit(free, alpha * free / (free + FEW_ROWS)))
    cut = float(ndtr(-reach))
    below, above = (float(edge) for edge in np.quantile(drawn, [cut, 1 - cut]))
    spread = reach * float(drawn.std())
    low = min(below, 2 * difference - above, difference - spread)
    return low, max(above, 2 * difference - below, difference + spread)


def replicates(given: Draws, rng: np.random.Generator) -> np.ndarray:
    """Return the metric's differences in every replicate, [b]."""
    width = len(given.counts) if given.units is None else len(given.units)
    if any(isinstance(model, Ranks) for model in given.models):
        classes = max(len(model.judged) for model in given.models if isinstance(model, Ranks))
        count = int(np.clip(CELLS // (width * classes), FEWEST_REPLICATES, REPLICATES))
    else:
        count = REPLICATES
    return np.concatenate([_differences(given, w) for w in _weights(given, count, width, rng)])


def _differences(given: Draws, weights: np.ndarray) -> np.ndarray:
    first, *others = (model.of(weights) for model in given.models)
    with np.errstate(invalid="ignore"):  # rows that are all alike have no r2, of either model
        return np.asarray(first - others[0] if others else first)


def _weights(
    given: Draws, count: int, width: int, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    step = max(CELLS_AT_ONCE // width, 1)
    for start in range(0, count, step):
        drawn = _drawn(given, min(step, count - start), rng)
        yield drawn if given.units is None else drawn[:, given.units]


def _drawn(given: Draws, count: int, rng: np.random.Generator) -> np.ndarray:
    weights = np.empty((count, len(given.counts)))
    for stratum in np.unique(given.strata):
        of = np.flatnonzero(given.strata == stratum)
        weights[:, of] = _multinomial(given.counts[of], count, rng)
    return weights


def _multinomial(counts: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return how often each unit is drawn when as many rows are drawn as there are, [count, u]."""
    total = int(counts.sum())
    if (counts > 1).any():
        return rng.multinomial(total, counts / total, size=count)
    places = rng.integers(0, total, (count, total))
    places += np.arange(count)[:, None] * total
    return np.bincount(places.ravel(), minlength=count * total).reshape(count, total)


def draws(metric: str, models: list[Answered], rng: np.random.Generator) -> Draws:
    """Return what to draw for a metric of one or two models on the same rows."""
    rows = len(models[0].truth)
    strata = _strata(models[0])
    if metric in LABEL_METRICS:
        return _patterns(metric, models, rows)
    statistics = tuple(statistic(metric, each) for each in models)
    if rows <= MOST_GROUPS:
        return Draws(np.ones(rows, int), strata, statistics, rows)
    groups = _groups(strata, rng)
    of_groups = _strata_of(groups, strata)
    ones = np.ones(len(of_groups), int)
    if all(isinstance(each, Sums) for each in statistics):
        summed = tuple(_summed(each, groups) for each in statistics if isinstance(each, Sums))
        return Draws(ones, of_groups, summed, rows)
    return Draws(ones, of_groups, statistics, rows, groups)


def _strata(given: Answered) -> np.ndarray:
    """Return the classes; numbers have none."""
    return np.zeros(len(given.truth), int) if isinstance(given, Estimates) else given.truth


def _patterns(metric: str, models: list[Answered], rows: int) -> Draws:
    """Return the different rows, as label metrics see them, with how many there are of each.

    To each class two imaginary rows are added, one that only the first model answers right and one
    that only the other does (Agresti and Min 2005): where the two never differed, drawing again
    could not imagine that they ever will.
    """
    seen = np.column_stack([part for each in models for part in (each.truth, each.predicted)])
    _, first = np.unique(seen[:, :1], axis=0, return_index=True)
    imagined = np.vstack([_half_right(models, first, right) for right in (0, 1)])
    patterns, counts = np.unique(np.vstack([seen, imagined]), axis=0, return_counts=True)
    kept = [_told(each, patterns[:, 2 * i : 2 * i + 2]) for i, each in enumerate(models)]
    statistics = tuple(statistic(metric, each) for each in kept)
    return Draws(counts, patterns[:, 0], statistics, rows)


def _half_right(models: list[Answered], rows: np.ndarray, right: int) -> np.ndarray:
    """Return the rows as if model number `right` alone answered them right."""
    parts = []
    for number, each in enumerate(models):
        truth = each.truth[rows]
        wrong = (truth + 1) % max(_width(each), 2)
        parts += [truth, truth if number == right else wrong]
    return np.column_stack(parts)


def _width(given: Answered) -> int:
    return given.probabilities.shape[1] if isinstance(given, Answers) else 0


def _told(given: Answered, pattern: np.ndarray) -> Answers:
    """Return answers with the truth and the predicted labels of these patterns, [p, 2]."""
    width = max(_width(given), 2)
    truth, predicted = pattern.T
    return Answers(tuple(range(width)), truth, predicted, np.empty((len(truth), 0)))


def _groups(strata: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the random group of every row, none of two strata, all of a size within one."""
    size = math.ceil(len(strata) / MOST_GROUPS)
    order = np.lexsort((rng.random(len(strata)), strata))
    groups = np.empty(len(strata), int)
    begun = 0
    for rows in np.split(order, np.flatnonzero(np.diff(strata[order])) + 1):
        number = math.ceil(len(rows) / size)
        groups[rows] = begun + np.arange(len(rows)) % number
        begun += number
    return groups


def _strata_of(groups: np.ndarray, strata: np.ndarray) -> np.ndarray:
    return np.asarray(strata[np.unique(groups, return_index=True)[1]])


def _summed(given: Sums, groups: np.ndarray) -> Sums:
    sums = np.zeros((groups.max() + 1, given.features.shape[1]))
    np.add.at(sums, groups, given.features)
    return Sums(sums, given.value)
