"""Evidence on means of what was predicted: shares of sets of classes, and the confidence.

Answers fall into cells (a predicted class, a bucket of confidence), and every cell has a score f
from 0 to 1. Compared is the mean score of the canary's answers with that of the stable revision's,
plus a tolerated margin. With w the canary's part of the answers, any guess q of the stable mean and
any lambda that were made before, an answer multiplies the stake by

    1 + lambda (f - q - margin)                 if it is the canary's,
    1 - lambda w / (1 - w) (f - q)              if it is the stable revision's,

which is expected to be 1 + w lambda (canary's mean - stable mean - margin): at most 1 where the
canary is within the margin, whatever q is. So the product is an e-process, at every look and from
day to day, by the argument of `serving.rollout.evidence` (the line, the split that is not as told,
the fresh starts), of which this is the case of bounded scores. q and lambda only decide how fast
harm shows: q is the stable mean so far, plus what the canary would add; lambda is the approximate
growth-optimal x / (variance + x^2) of Waudby-Smith and Ramdas 2024, "Estimating means of bounded
random variables by betting", for each of a few effects x, capped so that no answer takes all.

**The confidence.** A score falls from 1 in the lowest bucket to 0 in the highest: 1 - the bucket's
middle. The middle rather than bounds that are sure: rounded alike, identical revisions stay
identical, which is what alpha is promised for, while sure bounds would tolerate another bucket's
width, 0.1, on top of the margin.

**The classes.** The total variation distance of the shares of classes is the greatest difference of
the two revisions' shares of any set of classes. So where it is at most the margin, no set's is
greater, and one may bet on whichever set was chosen before: those classes that the canary predicts
more often than the stable revision, by all that was counted until then. Nothing is lost by counting
a set instead of its classes: the pair of shares that is nearest to a guess and keeps the margin
scales all classes of the set alike, so the likelihood ratio of an answer depends only on whether it
is in there (Turner and Grünwald 2023 for the nearest pair). The choice is learnt anew whenever the
canary's answers have doubled; the first few are only learnt from.

Every function takes arrays [..., cells]; then many rollouts are judged at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from serving.rollout.evidence import HELD_BACK, KNOWN, LEARN, Number, part_of, summed

EFFECTS = np.array([0.03, 0.1, 0.3])
"""By how much more than tolerated the means may differ: what is bet on."""
STAKES = np.array([0.2, 0.4, 0.4])
"""The part of the stake on each."""
FIRST = 10
"""Answers of the canary that are only learnt from, where it must be known what to bet on."""
_MOST = 0.9
"""Of the stake: what one answer may take."""
_LEAST_VARIANCE = 0.002
_LIKE_STABLE = 4
"""Answers that the canary's variance is taken for the stable one's beforehand."""


class Rows(NamedTuple):
    """Answers in each cell, [..., cells]."""

    canary: np.ndarray
    stable: np.ndarray

    def plus(self, other: Rows) -> Rows:
        """Return the sum of both."""
        return Rows(self.canary + other.canary, self.stable + other.stable)


class Wagers(NamedTuple):
    """What an answer in each cell multiplies the stakes by: logarithms, [..., effects, cells]."""

    canary: np.ndarray
    stable: np.ndarray

    def on(self, rows: Rows, weight: float) -> np.ndarray:
        """Return what these answers multiply the stakes by; the lesser where the split is off."""
        canary = (self.canary * rows.canary[..., None, :]).sum(axis=-1)
        stable = (self.stable * rows.stable[..., None, :]).sum(axis=-1)
        fair = (1 - weight) * rows.canary.sum(axis=-1)[..., None]
        fair_stable = weight * rows.stable.sum(axis=-1)[..., None]
        least = np.minimum(fair, fair_stable)
        balanced = canary * part_of(least, fair) + stable * part_of(least, fair_stable)
        return np.asarray(np.minimum(canary + stable, balanced))


@dataclass(frozen=True, eq=False)
class Drift:
    """What all answers so far say about one mean.

    `seen`: answers by cell; those of the stable revision begin with what was known of it before.
    `harm`: logarithms of what has become of the stakes on each of `EFFECTS`. `held_back`: the part
    that is not yet bet.
    """

    seen: Rows
    harm: np.ndarray
    held_back: float = HELD_BACK

    @classmethod
    def knowing(cls, stable: np.ndarray) -> Drift:
        """Return the evidence before the canary's first answer; long histories count as shorter."""
        total = stable.sum(axis=-1, keepdims=True)
        known = stable * np.minimum(1.0, KNOWN / np.maximum(total, 1))
        harm = np.zeros((*stable.shape[:-1], len(EFFECTS))) + np.log((1 - HELD_BACK) * STAKES)
        return cls(Rows(np.zeros_like(known), known), harm)

    @classmethod
    def none(cls) -> Drift:
        """Return the evidence where nothing can be seen."""
        return cls.knowing(np.zeros(0))

    def after(self, rows: Rows, scores: np.ndarray, margin: float, weight: float) -> Drift:
        """Return the evidence with more answers, bet on by what was seen before them."""
        harm = self.harm + self.wagers(scores, margin, weight).on(rows, weight)
        return replace(self, seen=self.seen.plus(rows), harm=harm)

    def afresh(self) -> Drift:
        """Return the evidence at a fresh start, at which some of what was held back is bet."""
        stake = self.held_back / 2
        return replace(self, harm=np.logaddexp(self.harm, np.log(stake * STAKES)), held_back=stake)

    def wagers(self, scores: np.ndarray, margin: float, weight: float) -> Wagers:
        """Return the bets on a greater mean score of the canary; none while too little is known."""
        mean, variance = self._moments(scores)
        extra = EFFECTS * (1 - weight)
        guess = np.minimum(mean[..., None] + EFFECTS * weight, 1.0)
        odds = weight / (1 - weight)
        most = _MOST / np.maximum(np.maximum(guess + margin, odds * (1 - guess)), 1e-9)
        stake = np.minimum(extra / (variance[..., None] + extra**2), most)
        knows = (self.seen.stable.sum(axis=-1) >= LEARN)[..., None] & (scores > 0).any(
            axis=-1, keepdims=True
        )
        stake = np.where(knows, stake, 0.0)[..., None]
        off = scores[..., None, :] - guess[..., None]
        return Wagers(np.log1p(stake * (off - margin)), np.log1p(-stake * odds * off))

    def _moments(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the stable mean, and a variance between both revisions'."""
        mean, usual, _ = _spread(self.seen.stable, scores)
        _, own, answers = _spread(self.seen.canary, scores)
        own = (own * answers + usual * _LIKE_STABLE) / (answers + _LIKE_STABLE)
        return mean, np.maximum((usual + own) / 2, _LEAST_VARIANCE)

    def rising(self) -> np.ndarray:
        """Return 1.0 for the cells that the canary has more often, 0.0 for all while it is new."""
        canary, stable = self.shares
        known = self.seen.canary.sum(axis=-1, keepdims=True) >= FIRST
        return np.where(known & (canary > stable), 1.0, 0.0)

    @property
    def shares(self) -> Rows:
        """The share of each cell that was seen."""
        totals = (rows.sum(axis=-1, keepdims=True) for rows in self.seen)
        return Rows(*(part_of(rows, total) for rows, total in zip(self.seen, totals, strict=True)))

    @property
    def distance(self) -> Number:
        """The total variation distance of what was seen."""
        canary, stable = self.shares
        return np.abs(canary - stable).sum(axis=-1) / 2

    @property
    def answers(self) -> Number:
        """How many answers of the canary were seen."""
        return self.seen.canary.sum(axis=-1)

    @property
    def against(self) -> Number:
        """The logarithm of the e-value against "within the margin"."""
        return np.logaddexp(summed(self.harm), np.log(self.held_back))

    def to_json(self) -> list[Any]:
        """Return a short JSON value."""
        seen = [[float(f"{rows:.5g}") for rows in cells] for cells in self.seen]
        return [*seen, [round(log, 6) for log in self.harm.tolist()], self.held_back]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Drift) and self.to_json() == other.to_json()

    @classmethod
    def from_json(cls, value: Sequence[Any]) -> Drift:
        """Return the evidence that `to_json` wrote; raises ValueError or TypeError."""
        canary, stable, harm, held_back = value
        found = cls(
            Rows(np.array(canary, float), np.array(stable, float)),
            np.array(harm, float),
            float(held_back),
        )
        if found.harm.shape != EFFECTS.shape or found.seen.canary.shape != found.seen.stable.shape:
            raise ValueError("evidence of another make")
        return found


def _spread(rows: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the mean and the variance of the scores, and of how many answers."""
    answers = rows.sum(axis=-1)
    shares = part_of(rows, answers[..., None])
    mean = (shares * scores).sum(axis=-1)
    return mean, (shares * scores**2).sum(axis=-1) - mean**2, answers
