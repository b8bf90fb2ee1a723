"""The guards on predictions and on the split, as the judge's benchmark plays them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from scripts.bench import judge_predictions
from scripts.bench.judge_predictions import GUARDED, Guards, confident, oracle, play, play_split
from serving.rollout.drift import Drift, Rows
from serving.rollout.guards import RUN, SPLIT_PART, tolerated_split
from serving.rollout.maximum import outside

CLASSES, _, CONFIDENCE = GUARDED


@pytest.mark.parametrize("guarded", [CLASSES, CONFIDENCE])
def test_the_benchmark_sees_what_the_judge_itself_would_at_every_look(
    guarded: judge_predictions.Guarded,
) -> None:
    rng = np.random.default_rng(3)
    known = rng.multinomial(1000, guarded.good, 3).astype(float)
    drift = Drift.knowing(known)
    first = Rows(
        *(rng.multinomial(n, guarded.good, 3).astype(float) for n in (12, 108)),
    )
    drift = drift.after(first, np.zeros(known.shape), guarded.margin, 0.1)
    scores = drift.rising() if guarded.doubts is None else guarded.doubts
    scores = np.broadcast_to(scores, known.shape)
    rows = Rows(*(rng.multinomial(n, guarded.good, (3, 20)).astype(float) for n in (1, 9)))
    looks = judge_predictions._against(drift, rows, scores, guarded.margin)
    for at in (0, 7, 19):
        so_far = Rows(*(each[:, : at + 1].sum(axis=1) for each in rows))
        alone = drift.after(so_far, scores, guarded.margin, 0.1).against
        assert looks[:, at] == pytest.approx(alone)


def test_identical_canaries_are_convicted_as_rarely_as_a_guards_part_says() -> None:
    rng, part = np.random.default_rng(4), 0.05 / judge_predictions.ALPHA
    for guarded in (CLASSES, CONFIDENCE):
        eager = replace(guarded, part=part)
        false = np.isfinite(play(rng, eager, guarded.good, 100, 0.0)).mean()
        assert false <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 100)


def test_a_shift_is_found_nearly_as_soon_as_by_an_oracle() -> None:
    rng, shares = np.random.default_rng(5), CLASSES.worse["3 classes, 40 % shifted"]
    until = play(rng, CLASSES, shares, 100, CLASSES.margin)
    assert np.median(until) <= 1.6 * oracle(CLASSES, shares)


def test_requests_that_stick_to_a_revision_are_no_wrong_split() -> None:
    """Runs of twenty that go the same way, at the very edge of what is tolerated."""
    rng = np.random.default_rng(6)
    edge = tolerated_split(0.1)[1]
    runs = np.repeat(rng.random((300, 250)) < edge, RUN, axis=1)
    hits = np.cumsum(runs, axis=1, dtype=np.int32)[:, 9::10]
    whole = np.broadcast_to(np.arange(10, 5_001, 10), hits.shape)
    harm = outside(whole / RUN, hits / RUN, *tolerated_split(0.1))
    part = 0.05 * SPLIT_PART
    assert (harm.max(axis=1) >= -math.log(part)).mean() <= part + 3 * math.sqrt(part / 300)
    assert np.isinf(play_split(rng, 0.1, 20)).all()


def test_a_canary_that_gets_everything_is_found_within_two_hundred_requests() -> None:
    assert np.median(play_split(np.random.default_rng(7), 1.0, 5)) <= 200


def test_a_rollout_is_convicted_by_any_guard() -> None:
    found = {"a": np.array([True, False, False, False]), "b": np.array([False, True, False, False])}
    assert Guards(found, {}, {}).convicted([np.array([True, False, True, False])]) == 0.75


def test_the_confidence_has_the_mean_that_it_is_named_after() -> None:
    assert CONFIDENCE.doubts is not None
    assert confident(0.9) @ (1 - CONFIDENCE.doubts) == pytest.approx(0.9, abs=0.01)
