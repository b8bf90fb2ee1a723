"""Simulated answers of many rollouts at once, and when our judge calls the canary bad on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from serving.rollout.evidence import HELD_BACK, LEARN, Bets, Block, Evidence
from serving.rollout.maximum import above

HISTORY = 1000
"""Answers of the stable revision that were seen before the canary's first one."""
_CHUNK = 100


@dataclass(frozen=True)
class World:
    """The true shares of hits (errors, slow answers), and the canary's part of the traffic."""

    canary: float
    stable: float
    weight: float = 0.1


@dataclass(frozen=True)
class Stream:
    """Answers in their order, [rollouts, requests]: whose they are, and whether they are hits.

    `known`: hits among the stable revision's `HISTORY` answers before, [rollouts].
    """

    of_canary: np.ndarray
    hit: np.ndarray
    known: np.ndarray

    @property
    def size(self) -> tuple[int, int]:
        """Rollouts and requests."""
        rollouts, requests = self.hit.shape
        return rollouts, requests


def stream(rng: np.random.Generator, world: World, rollouts: int, requests: int) -> Stream:
    """Return answers that a random splitter hands out."""
    of_canary = rng.random((rollouts, requests), np.float32) < world.weight
    shares = np.where(of_canary, np.float32(world.canary), np.float32(world.stable))
    hit = rng.random((rollouts, requests), np.float32) < shares
    return Stream(of_canary, hit, rng.binomial(HISTORY, world.stable, rollouts))


def counted(stream: Stream, first: np.ndarray) -> np.ndarray:
    """Return canary requests up to and with the request `first`; inf where that is none (-1)."""
    asked = np.cumsum(stream.of_canary, axis=1, dtype=np.int32)
    at = asked[np.arange(len(first)), first]
    return np.where(first >= 0, at, np.inf)


def bad_at(stream: Stream, margin: float, weight: float, alpha: float) -> np.ndarray:
    """Return the first request after which the evidence of harm is enough; -1: it never is.

    What is known is learnt from at the end of a chunk, where it has doubled, as `advance` does.
    """
    rollouts, requests = stream.size
    nothing, enough = np.zeros(rollouts, int), -np.log(alpha)
    evidence = Evidence.knowing(np.full(rollouts, HISTORY), stream.known)
    block, found = Block(nothing, nothing, nothing, nothing), np.full(rollouts, -1)
    for start in range(0, requests, _CHUNK):
        part = slice(start, start + _CHUNK)
        of_canary, hit = stream.of_canary[:, part], stream.hit[:, part]
        harm, _ = evidence.bets(margin, weight)
        after = block.plus(_last(of_canary, hit))
        hopeful = np.flatnonzero((found < 0) & (_at_most(evidence, harm, block, after) >= enough))
        if len(hopeful):
            looks = Block(*(c[hopeful, None] for c in block))
            looks = looks.plus(_counted(of_canary[hopeful], hit[hopeful]))
            bets = Bets(*(np.asarray(log)[hopeful, None, :] for log in harm))
            logs = evidence.harm[hopeful, None, :] + bets.on(looks, weight)
            first = first_true(_against(logs) >= enough)
            found[hopeful] = np.where(first >= 0, start + first, -1)
        evidence, block = _learnt(evidence, after, (margin, weight))
    return found


def disagreement_at(stream: Stream, maximum: float, alpha: float) -> np.ndarray:
    """Return the same where every request is mirrored, and only a maximum is compared with."""
    answers = np.arange(1, stream.size[1] + 1)
    hits = np.cumsum(stream.hit, axis=1, dtype=np.int32)
    return first_true(above(answers, hits, maximum) >= -np.log(alpha))


def first_true(matrix: np.ndarray) -> np.ndarray:
    """Return the first true column of each row, -1 where there is none."""
    return np.where(matrix.any(axis=1), matrix.argmax(axis=1), -1)


def _against(logs: np.ndarray) -> np.ndarray:
    """Return what `Evidence.against` is where the bets on harm stand at `logs`."""
    return np.asarray(np.log(np.exp(np.minimum(logs, 50.0)).sum(axis=-1) + HELD_BACK))


def _at_most(evidence: Evidence, harm: Bets, before: Block, after: Block) -> np.ndarray:
    """Return a bound on the evidence between two looks: every good answer of the canary missing.

    Most rollouts are far from any verdict for most of the time, and need no closer look.
    """
    n, hits, m, stable_hits = (np.asarray(count)[:, None] for count in before)
    more, answers = after.canary_hits[:, None] - hits, after.stable[:, None] - m
    canary = (hits + more) * harm.canary_hit + (n - hits) * harm.canary_miss
    stable = stable_hits * harm.stable_hit + (m - stable_hits) * harm.stable_miss
    best = np.maximum(np.maximum(harm.stable_miss, harm.stable_hit), 0.0)
    return _against(evidence.harm + canary + stable + answers * best)


def _last(of_canary: np.ndarray, hit: np.ndarray) -> Block:
    """Return the counts after the last answer."""
    canary, hits = of_canary.sum(axis=1), hit.sum(axis=1)
    canary_hits = (of_canary & hit).sum(axis=1)
    return Block(canary, canary_hits, of_canary.shape[1] - canary, hits - canary_hits)


def _counted(of_canary: np.ndarray, hit: np.ndarray) -> Block:
    """Return the counts after every answer."""
    of_stable = ~of_canary
    sorts = (of_canary, of_canary & hit, of_stable, of_stable & hit)
    return Block(*(np.cumsum(found, axis=1) for found in sorts))


def _learnt(
    evidence: Evidence, block: Block, setting: tuple[float, float]
) -> tuple[Evidence, Block]:
    folds = block.stable >= np.maximum(LEARN, evidence.answers)
    if not folds.any():
        return evidence, block
    folded, left = (Block(*(count * part for count in block)) for part in (folds, ~folds))
    return evidence.after(folded, *setting), left
