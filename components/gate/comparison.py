"""Whether one model is better than another on the same rows, and how sure that is.

Numbers are told as improvements: positive where the candidate is better, whichever way the metric
goes. Accuracy is tested exactly by the rows on which the two differ, all else by drawing again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy.special import ndtri

from components.gate import bootstrap, exact
from components.metrics import LOWER_IS_BETTER
from components.paired import Paired
from components.scores import Answers

MOST_ROWS = 1e9
"""Of a need for more rows than this no number is told."""


class Outcome(StrEnum):
    """What the rows say about a candidate."""

    BETTER = "better"
    NON_INFERIOR = "non_inferior"
    WORSE = "worse"
    CANNOT_TELL = "cannot_tell"


@dataclass(frozen=True)
class Question:
    """How much worse is tolerated, and how often chance may deceive.

    `alpha`: of each side. `power`: share of the cases that `needs_rows` shall be enough for.
    """

    margin: float
    alpha: float
    power: float
    superior: bool = False
    """Whether the candidate is asked to be better, so that a margin does not suffice."""

    @property
    def limit(self) -> float:
        """The improvement below which the answer is no."""
        return 0.0 if self.superior else -self.margin


@dataclass(frozen=True)
class Finding:
    """By how much the candidate is better, between one-sided bounds at `alpha` each.

    `needs_rows`: about how many rows would tell on which side of the limit it is, if what was
    measured is true. `p_value` is McNemar's, exact, of "no better"; `mid_p_value` counts what was
    seen half.
    """

    outcome: Outcome
    improvement: float
    low: float
    high: float
    alpha: float
    rows: int
    needs_rows: int | None = None
    p_value: float | None = None
    mid_p_value: float | None = None


def compare(
    metric: str, paired: Paired, question: Question, rng: np.random.Generator
) -> Finding | None:
    """Return what the rows say; None where the metric is not defined on them."""
    if metric == "accuracy" and isinstance(paired.candidate, Answers) and paired.champion:
        return by_discordance(*discordant(paired), paired.rows, question)
    alpha = question.alpha
    found = bootstrap.interval(metric, paired, alpha, rng)
    if found is None:
        return None
    down = metric in LOWER_IS_BETTER
    numbers = (found.difference, found.low, found.high)
    improvement, low, high = (-n for n in (numbers[0], *numbers[:0:-1])) if down else numbers
    outcome = _outcome(low > 0, low, high, question.margin)
    need = rows_needed(found.variance, improvement - question.limit, question)
    return Finding(outcome, improvement, low, high, alpha, paired.rows, need)


def discordant(paired: Paired) -> tuple[int, int]:
    """Return how many rows only the candidate, and how many only the champion answers right."""
    if not isinstance(paired.candidate, Answers) or not isinstance(paired.champion, Answers):
        raise TypeError("only answers that are labels are right or wrong")
    mine, theirs = paired.candidate.right, paired.champion.right
    return int((mine & ~theirs).sum()), int((~mine & theirs).sum())


def by_discordance(gained: int, lost: int, rows: int, question: Question) -> Finding:
    """Return what the rows say about accuracy: McNemar's exact test, and Tango's bounds."""
    alpha, improvement = question.alpha, (gained - lost) / rows
    low, high = exact.difference_bounds(gained, lost, rows, alpha)
    p_value = exact.mcnemar(gained, lost)
    better, worse = p_value <= alpha, exact.mcnemar(lost, gained) <= alpha
    # Near the limit the two may differ by a hair; of no difference at all McNemar's test is exact.
    low, high = low if better else min(low, -1 / rows), high if worse else max(high, 1 / rows)
    variance = max(gained + lost, 1) / rows - improvement**2
    need = rows_needed(variance, improvement - question.limit, question)
    mid = exact.mcnemar(gained, lost, mid=True)
    outcome = _outcome(better, low, high, question.margin)
    return Finding(outcome, improvement, low, high, alpha, rows, need, p_value, mid)


def _outcome(better: bool, low: float, high: float, margin: float) -> Outcome:
    if better:
        return Outcome.BETTER
    if high < -margin:
        return Outcome.WORSE
    return Outcome.NON_INFERIOR if low >= -margin else Outcome.CANNOT_TELL


def rows_needed(variance: float, distance: float, question: Question) -> int | None:
    """Return about how many rows tell a true difference at this distance from the limit.

    `variance` of what one row brings; by the normal approximation, which promises too few where
    the number is below some hundreds. None where no number of rows would do.
    """
    if distance == 0 or variance <= 0:
        return None
    reach = float(ndtri(1 - question.alpha) + ndtri(question.power))
    need = variance * (max(reach, 0.0) / distance) ** 2
    return math.ceil(need) if need <= MOST_ROWS else None


def against_floor(
    metric: str, paired: Paired, floor: float, question: Question, rng: np.random.Generator
) -> Finding | None:
    """Return by how much the candidate alone is above a floor (below a limit of errors)."""
    alone = Paired(paired.candidate)
    if metric == "accuracy" and isinstance(paired.candidate, Answers):
        return _share_against(alone, paired.candidate, floor, question)
    found = compare(metric, alone, question, rng)
    if found is None:
        return None
    shift = floor if metric in LOWER_IS_BETTER else -floor
    low, high = found.low + shift, found.high + shift
    outcome = _outcome(low > 0, low, high, 0.0)
    moved = found.improvement + shift
    return Finding(outcome, moved, low, high, question.alpha, paired.rows)


def _share_against(alone: Paired, given: Answers, floor: float, question: Question) -> Finding:
    right, rows = int(given.right.sum()), alone.rows
    low, high = (bound - floor for bound in exact.share_bounds(right, rows, question.alpha))
    outcome = _outcome(low > 0, low, high, 0.0)
    moved = right / rows - floor
    variance = max(right / rows * (1 - right / rows), 1 / rows)
    need = rows_needed(variance, moved, question)
    return Finding(outcome, moved, low, high, question.alpha, rows, need)
