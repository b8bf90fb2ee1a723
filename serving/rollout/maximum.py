"""Evidence on one share alone, against a maximum that is named beforehand.

For shares that have no stable revision's beside them: rows that are answered differently when both
revisions are asked the same, and the canary's part of the requests. A likelihood ratio of a guess
that was made before to the maximum gains nothing on average where the share is at most the maximum,
so a fixed average of such ratios is an e-process (Robbins 1970; Ville 1939): it may be looked at
after every answer, and it depends on the counts alone.

The guesses lie some standard deviations of a single answer, sqrt(m (1 - m)), beyond the maximum m:
then the same few are near to what is likely for a maximum of 1 % and of 50 %.

Every function takes numbers, or arrays of one shape, and returns logarithms of e-values.
"""

from __future__ import annotations

from bisect import bisect_left

import numpy as np

from serving.rollout.evidence import Number, summed

EXCESSES = np.array([0.25, 0.5, 1.5])
"""Standard deviations beyond the maximum: what `above` bets on."""
STAKES = np.array([0.05, 0.92, 0.03])
"""The part of the stake on each: the middle one wins on all that is worth stopping."""
EASES = np.array([1.0, 0.6])
"""By which part of the maximum a share stays below it: what `below` bets on."""
LAMBDAS = np.array([0.1, 0.4, 0.8])
"""Parts of the greatest stake that cannot be ruined: what `more_failures` bets."""
MOST_ROWS = 10**7
"""That are ever said to be missing."""
_EDGE = 1e-6


def above(answers: Number, hits: Number, maximum: float) -> Number:
    """Return the evidence against "the share of hits is at most `maximum`", 0 < maximum < 1."""
    guess = np.minimum(maximum + EXCESSES * np.sqrt(maximum * (1 - maximum)), (1 + maximum) / 2)
    return _ratio(answers, hits, maximum, guess, STAKES)


def below(answers: Number, hits: Number, maximum: float) -> Number:
    """Return the evidence against "the share of hits is at least `maximum`", 0 < maximum < 1."""
    guess = np.maximum(maximum * (1 - EASES), maximum * _EDGE)
    return _ratio(answers, hits, maximum, guess, np.full(len(EASES), 1 / len(EASES)))


def outside(answers: Number, hits: Number, low: float, high: float) -> Number:
    """Return the evidence against "the share of hits is from `low` to `high`", low < 1, 0 < high.

    Half of the stake is on either side; there is nothing to bet on below 0 or above 1.
    """
    over = above(answers, hits, high) if high < 1 else np.zeros_like(answers, float)
    under = above(answers, answers - hits, 1 - low) if low > 0 else np.zeros_like(answers, float)
    return np.logaddexp(over, under) - np.log(2)


def rows_until_below(rows: int, hits: int, maximum: float, enough: float) -> int:
    """Return how many more answers it takes until `below` is `enough`, if none of them is a hit."""
    more = range(MOST_ROWS)
    return bisect_left(more, enough, key=lambda k: float(below(rows + k, hits, maximum)))


def more_failures(rows: Number, ours: Number, theirs: Number, margin: float) -> Number:
    """Return the evidence against "the canary fails at most `margin` more often", on shared rows.

    Of `rows` that both were asked, `ours` failed with the canary alone and `theirs` with the
    stable revision alone. The difference of the two, -1, 0 or 1 a row, has a mean of at most the
    margin; 1 + lambda (difference - margin) is a fair bet on it (Waudby-Smith and Ramdas 2024,
    "Estimating means of bounded random variables by betting"). A row that fails with both says
    nothing about the canary, a network that loses one in ten for either says nothing either.
    """
    bets = LAMBDAS / (1 + margin)
    n, mine, its = (np.asarray(count, float)[..., None] for count in (rows, ours, theirs))
    same = (n - mine - its) * np.log1p(-bets * margin)
    alone = mine * np.log1p(bets * (1 - margin)) + its * np.log1p(-bets * (1 + margin))
    return summed(same + alone - np.log(len(LAMBDAS)))


def _ratio(
    answers: Number, hits: Number, maximum: float, guess: np.ndarray, stakes: np.ndarray
) -> Number:
    n, found = (np.asarray(count, float)[..., None] for count in (answers, hits))
    hit, miss = np.log(guess / maximum), np.log((1 - guess) / (1 - maximum))
    return summed(np.log(stakes) + found * hit + (n - found) * miss)
