"""Evidence that may be looked at after every answer: e-processes for shares.

All that a judge compares is the share of answers of which something is true (it failed, it was
slow): of the canary against that of the stable revision, plus a tolerated margin.

For a guess (a, b) of the two shares that was made before, and answers of which a part w is the
canary's, let (q + margin, q) be the pair on the line "canary = stable + margin" that is nearest to
the guess: it minimises w KL(a, q + margin) + (1 - w) KL(b, q). With
A = (a - q - margin) / ((q + margin)(1 - q - margin)) and B = (b - q) / (q(1 - q)) the minimum has
wA + (1 - w)B = 0. If the true shares are (q + margin + c, q + d), the likelihood ratio of the next
answer, guess to nearest pair, is expected to be w(1 + cA) + (1 - w)(1 + dB) = 1 + wA(c - d). So it
is 1 on the line, and less beyond it: a guess of harm has A > 0 and bets against c <= d, a guess
of safety has A < 0 and bets against c >= d. (Where a splitter hands out exactly n and m answers
in turn instead, (1 + cA)^n (1 + dB)^m is at most that by the inequality of the means.)

This holds for each answer by itself, whatever the shares are by then: a day on which both revisions
fail more than usual is no evidence. What it needs is that the canary gets its part w of the
answers without regard to how they end.

So the product over all answers is an e-process, an average of such products is one too, and it
exceeds 1/alpha ever, at whichever look, with probability at most alpha (Ville 1939). As long as
the guess stands, the product only depends on how many answers there were of each sort.

A splitter that does not do what it was told would break this: with too many answers of the stable
revision, none of which failed, a canary without a fault would look bad. So what one revision has
too many of, given what the other has, is taken to a power below one, as if it had just its part
(E[X^f] <= E[X]^f by Jensen's inequality, then the inequality of the means as above), and the lesser
of both products counts: an e-process if the split is as told, an e-value at any fixed numbers of
answers if it is not.

A long good past would hide what only shows later (at 50 %, say): a bet on harm loses a little with
every good answer. So a part of the stake is held back, and half of what is left of it is bet anew
at each fresh start. That is an average over the moments at which a harm may begin, an e-process
again. And what the evidence of safety has in excess of enough is given up there, which only makes
it smaller.

Sources: Turner, Ly and Grünwald 2021, "Generic E-variables for exact sequential k-sample tests";
Turner and Grünwald 2023, "Exact anytime-valid confidence intervals for contingency tables", for
the line; Shin, Ramdas and Rinaldo 2024, "E-detectors", for the starts. Their guess of both shares
is learnt; here there is one guess for each of several effects, and only the stable revision's
share, which has the longer history, is learnt.

Every function takes numbers, or arrays of one shape: then many rollouts are judged at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

HARMS = np.array([0.0125, 0.05, 0.2])
"""By how much more than tolerated a bad canary may be worse: what "harm" bets on."""
STAKES = np.array([0.15, 0.5, 0.35])
"""The part of the stake on each: most on the middle one, which wins something on most harms."""
EASES = np.array([1.0, 0.6])
"""By which part of the margin a good canary stays below it: what "safe" bets on."""
LEARN = 20
"""Answers of the stable revision that are only learnt from: nothing is known before."""
KNOWN = 1000
"""Answers of the stable revision's history that count at most."""
PRIOR = 0.18
"""Of a Beta prior on a share: the authors' choice, for the least growth lost by learning."""
HELD_BACK = 0.1
"""Of the stake on harm: for what begins later."""
_ROUNDS = 16
_EDGE = 1e-6
_NEAR = 1e-15

Number = Any
"""A number or an array."""


class Block(NamedTuple):
    """New answers: how many there were of each revision, and of how many something was true."""

    canary: Number
    canary_hits: Number
    stable: Number
    stable_hits: Number

    def plus(self, other: Block) -> Block:
        """Return the sum of both."""
        return Block(*(mine + its for mine, its in zip(self, other, strict=True)))


class Bets(NamedTuple):
    """What each answer multiplies the e-values by: logarithms, [..., effects]."""

    canary_hit: Number
    canary_miss: Number
    stable_hit: Number
    stable_miss: Number

    def on(self, block: Block, weight: float) -> Number:
        """Return the logarithms of what a block multiplies the e-values by.

        Where the canary had another part of the answers than `weight`, what is too many of one
        revision counts by a power below one, if that is less evidence.
        """
        n, hits, m, stable_hits = (np.asarray(count, float)[..., None] for count in block)
        canary = hits * self.canary_hit + (n - hits) * self.canary_miss
        stable = stable_hits * self.stable_hit + (m - stable_hits) * self.stable_miss
        fair, fair_stable = (1 - weight) * n, weight * m
        least = np.minimum(fair, fair_stable)
        balanced = canary * part_of(least, fair) + stable * part_of(least, fair_stable)
        return np.minimum(canary + stable, balanced)


@dataclass(frozen=True, eq=False)
class Evidence:
    """What all blocks so far say about one share.

    `known`: answers of the stable revision before the first block, and hits among them; they are
    only learnt from. `seen`: the sum of the blocks. `harm`: logarithms of what has become of the
    stakes on each of `HARMS`, against "the canary's share is at most the stable one's + margin";
    `safe`: of equal ones on each of `EASES`, against "it is at least that". `held_back`: the part
    that is not yet bet on harm.
    """

    known: tuple[Number, Number]
    seen: Block
    harm: np.ndarray
    safe: np.ndarray
    held_back: float = HELD_BACK

    @classmethod
    def knowing(cls, answers: Number, hits: Number) -> Evidence:
        """Return the evidence before any block; a long history counts as a shorter one of its kind.

        So the share is learnt anew within as many answers, should it have changed since.
        """
        part = np.minimum(1.0, KNOWN / np.maximum(answers, 1))
        shape = np.shape(answers)
        zero = np.zeros(shape, int)
        harm = np.zeros((*shape, len(HARMS))) + np.log((1 - HELD_BACK) * STAKES)
        safe = np.full((*shape, len(EASES)), -np.log(len(EASES)))
        return cls((answers * part, hits * part), Block(zero, zero, zero, zero), harm, safe)

    @classmethod
    def none(cls) -> Evidence:
        """Return the evidence on a revision of which nothing is known."""
        return cls.knowing(0, 0)

    def after(self, block: Block, margin: float, weight: float) -> Evidence:
        """Return the evidence with one more block, bet on by what was seen before it.

        `weight`: the part of the answers that were the canary's to give, 0 < weight < 1.
        """
        harm, safe = self.bets(margin, weight)
        return replace(
            self,
            seen=self.seen.plus(block),
            harm=self.harm + harm.on(block, weight),
            safe=self.safe + safe.on(block, weight),
        )

    def afresh(self, enough: float) -> Evidence:
        """Return the evidence at a fresh start, which what was seen before must not outvote.

        `enough`: the logarithm of the evidence of safety that is kept.
        """
        stake = self.held_back / 2
        surplus = np.maximum(self.in_favour - enough, 0.0)[..., None]
        harm = np.logaddexp(self.harm, np.log(stake * STAKES))
        return replace(self, harm=harm, safe=self.safe - surplus, held_back=stake)

    def bets(self, margin: float, weight: float) -> tuple[Bets, Bets]:
        """Return the bets on harm and on safety; none while too little is known."""
        knows, stable = self.answers >= LEARN, self._stable
        both = _both if np.ndim(knows) else _both_remembered
        return both(knows, stable, margin, weight)

    @property
    def answers(self) -> Number:
        """How many answers of the stable revision its share is known from."""
        return self.known[0] + self.seen.stable

    @property
    def shares(self) -> tuple[float, float]:
        """The shares that were seen, of the canary and of the stable revision."""
        n, hits, m, stable_hits = self.seen
        if not m:
            m, stable_hits = self.known
        return float(hits) / max(float(n), 1.0), float(stable_hits) / max(float(m), 1.0)

    def pace(self, margin: float, weight: float = 0.1) -> float:
        """Return by how much `in_favour` grows with each request of the canary, if both are alike.

        Positive for a positive margin; `weight` hardly matters to it, nor the share's fourth digit.
        """
        return _pace(float(f"{self._stable:.2e}"), margin, weight)

    @property
    def _stable(self) -> Number:
        """The share that is expected of the stable revision; small where nothing is known."""
        hits = self.known[1] + self.seen.stable_hits
        return (hits + PRIOR) / (np.maximum(self.answers, LEARN) + 2 * PRIOR)

    @property
    def against(self) -> Number:
        """The logarithm of the e-value against "no worse than tolerated"."""
        return np.logaddexp(summed(self.harm), np.log(self.held_back))

    @property
    def in_favour(self) -> Number:
        """The logarithm of the e-value against "worse than tolerated"."""
        return summed(self.safe)

    def to_json(self) -> list[Any]:
        """Return a short JSON value."""
        known = [float(count) for count in self.known]
        counts = [int(count) for count in self.seen]
        return [known, counts, self.harm.tolist(), self.safe.tolist(), self.held_back]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Evidence) and self.to_json() == other.to_json()

    @classmethod
    def from_json(cls, value: Sequence[Any]) -> Evidence:
        """Return the evidence that `to_json` wrote; raises ValueError or TypeError."""
        (answers, hits), counts, harm, safe, held_back = value
        logs = [np.array(part, float) for part in (harm, safe)]
        known = (float(answers), float(hits))
        found = cls(known, Block(*map(int, counts)), logs[0], logs[1], float(held_back))
        if found.harm.shape != HARMS.shape or found.safe.shape != EASES.shape:
            raise ValueError("evidence of another make")
        return found


def _both(knows: Number, stable: Number, margin: float, weight: float) -> tuple[Bets, Bets]:
    some = np.asarray(knows)[..., None]
    share = np.clip(stable, _EDGE, 1 - margin - 2 * _EDGE)[..., None]
    worse = np.minimum(share + margin + HARMS, 1 - _EDGE)
    better = share + margin * (1 - EASES)
    both = _bets(some, np.concatenate([worse, better], axis=-1), share, margin, weight)
    count = len(HARMS)
    return Bets(*(log[..., :count] for log in both)), Bets(*(log[..., count:] for log in both))


_both_remembered = lru_cache(maxsize=64)(_both)
"""What is known of one rollout does not change from look to look."""


@lru_cache(maxsize=256)
def _pace(stable: float, margin: float, weight: float) -> float:
    share = np.clip(stable, _EDGE, 1 - margin - 2 * _EDGE)
    hit, miss, *beside = _bets(True, share + margin * (1 - EASES), share, margin, weight)
    canary, other = (share * h + (1 - share) * m for h, m in ((hit, miss), beside))
    return float(np.max(canary + (1 - weight) / weight * other))


def _bets(knows: Number, canary: Number, stable: Number, margin: float, weight: float) -> Bets:
    """Return the log likelihood ratios of each sort of answer, guess to nearest pair."""
    q = _nearest(canary, stable, margin, weight)
    ratios = (
        canary / (q + margin),
        (1 - canary) / (1 - q - margin),
        stable / q,
        (1 - stable) / (1 - q),
    )
    return Bets(*(np.where(knows, np.log(ratio), 0.0) for ratio in ratios))


def _nearest(canary: Number, stable: Number, margin: float, weight: float) -> Number:
    """Return q of the pair (q + margin, q): the root of w A + (1 - w) B, by Newton's method.

    A and B have one sign each between the two ends, and their common denominator is positive
    there, so what it is multiplied by has the same one root; steps out of the ends are halved.
    """
    low = np.clip(np.minimum(stable, canary - margin), 0.0, 1 - margin)
    high = np.clip(np.maximum(stable, canary - margin), 0.0, 1 - margin)
    q = low + (high - low) * np.where(canary - margin > stable, weight, 1 - weight)
    for _ in range(_ROUNDS):
        p = q + margin
        v, u = p * (1 - p), q * (1 - q)
        pull = weight * (canary - p) * u + (1 - weight) * (stable - q) * v
        slope = weight * ((canary - p) * (1 - 2 * q) - u)
        slope += (1 - weight) * ((stable - q) * (1 - 2 * p) - v)
        low, high = np.where(pull > 0, q, low), np.where(pull > 0, high, q)
        step = q - pull / np.where(slope < 0, slope, -1.0)
        before = q
        q = np.where((low <= step) & (step <= high) & (slope < 0), step, (low + high) / 2)
        if np.all(np.abs(q - before) <= _NEAR * q):
            break
    return q


def part_of(least: Number, whole: Number) -> Number:
    """Return least / whole, and 0 where both are."""
    return least / np.maximum(whole, 1e-300)


def summed(logs: np.ndarray) -> Number:
    """Return the logarithm of the sum of exponentials, over the last axis."""
    top = logs.max(axis=-1)
    return top + np.log(np.sum(np.exp(logs - top[..., None]), axis=-1))
