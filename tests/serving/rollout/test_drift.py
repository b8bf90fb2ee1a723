"""The mathematics of the guards on predictions: no bet wins on average while all is tolerated."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from serving.rollout.drift import EFFECTS, FIRST, Drift, Rows

cells = st.integers(2, 6)
margins = st.floats(0.0, 0.95)
weights = st.floats(0.01, 0.99)
seeds = st.integers(0, 2**32 - 1)
fair = settings(max_examples=100, deadline=None)


def tolerated(
    rng: np.random.Generator, scores: np.ndarray, margin: float
) -> tuple[np.ndarray, np.ndarray]:
    """Shares of the cells whose mean scores differ by the margin at most, as far as can be."""
    stable, worst = rng.dirichlet(np.full(len(scores), 0.3)), np.eye(len(scores))[scores.argmax()]
    gap = (worst - stable) @ scores
    return stable + min(1.0, margin / gap if gap > 0 else 1.0) * (worst - stable), stable


def seen_before(rng: np.random.Generator, count: int) -> Drift:
    drift = Drift.knowing(rng.multinomial(1000, rng.dirichlet(np.ones(count))).astype(float))
    rows = rng.multinomial(rng.integers(0, 200), rng.dirichlet(np.ones(count))).astype(float)
    return drift.after(Rows(rows, rows * 9), np.zeros(count), 0.2, 0.1)


@fair
@given(seeds, cells, margins, weights)
@example(0, 2, 0.0, 0.01)
@example(1, 2, 0.95, 0.99)
def test_no_bet_is_expected_to_win_where_the_mean_is_tolerated(
    seed: int, count: int, margin: float, weight: float
) -> None:
    rng = np.random.default_rng(seed)
    drift, scores = seen_before(rng, count), rng.random(count).round(2)
    canary, stable = tolerated(rng, scores, margin)
    wagers = drift.wagers(scores, margin, weight)
    ours, theirs = np.exp(wagers.canary) @ canary, np.exp(wagers.stable) @ stable
    assert (weight * ours + (1 - weight) * theirs).max() <= 1 + 1e-9


@fair
@given(seeds, cells, margins, weights)
def test_nor_on_a_set_of_classes_where_their_distance_is_tolerated(
    seed: int, count: int, margin: float, weight: float
) -> None:
    rng = np.random.default_rng(seed)
    drift = seen_before(rng, count)
    scores = drift.rising()
    canary, stable = tolerated(rng, scores, margin)
    canary = stable + (canary - stable) * min(1, margin / max(abs(canary - stable).sum() / 2, 1e-9))
    wagers = drift.wagers(scores, margin, weight)
    ours, theirs = np.exp(wagers.canary) @ canary, np.exp(wagers.stable) @ stable
    assert (weight * ours + (1 - weight) * theirs).max() <= 1 + 1e-9


@settings(max_examples=60, deadline=None)
@given(seeds, margins, weights, st.integers(0, 4), st.integers(0, 6))
def test_nor_where_the_split_is_not_as_told(
    seed: int, margin: float, weight: float, n: int, m: int
) -> None:
    """Exactly: over all outcomes of n answers of the canary and m of the stable revision."""
    rng = np.random.default_rng(seed)
    drift, scores = seen_before(rng, 2), np.array([0.0, 1.0])
    canary, stable = tolerated(rng, scores, margin)
    hits, stable_hits = np.meshgrid(np.arange(n + 1), np.arange(m + 1))
    rows = Rows(np.stack([n - hits, hits], -1), np.stack([m - stable_hits, stable_hits], -1))
    chance = binomial(n, hits, canary[1]) * binomial(m, stable_hits, stable[1])
    logs = drift.wagers(scores, margin, weight).on(rows, weight)
    assert (chance[..., None] * np.exp(logs)).sum(axis=(0, 1)).max() <= 1 + 1e-7


def binomial(n: int, hits: np.ndarray, chance: float) -> np.ndarray:
    ways = np.vectorize(math.comb)(n, hits)
    return np.asarray(ways * chance**hits * (1 - chance) ** (n - hits))


def test_where_the_truth_is_as_guessed_every_bet_wins() -> None:
    scores = np.array([0.0, 1.0])
    drift = Drift.knowing(np.array([700.0, 300.0]))
    wagers = drift.wagers(scores, 0.2, 0.1)
    for bet, effect in enumerate(EFFECTS):
        ours = np.exp(wagers.canary[bet]) @ [0.5 - effect, 0.5 + effect]
        theirs = np.exp(wagers.stable[bet]) @ [0.7, 0.3]
        assert 0.1 * ours + 0.9 * theirs > 1


def test_the_rising_classes_are_learnt_and_the_first_answers_are_only_learnt_from() -> None:
    drift = Drift.knowing(np.array([500.0, 300.0, 200.0]))
    few, enough = (
        drift.after(Rows(np.array([0.0, n, 0.0]), np.zeros(3)), drift.rising(), 0.2, 0.1)
        for n in (FIRST - 1, FIRST)
    )
    assert few.rising().tolist() == [0.0, 0.0, 0.0]
    assert enough.rising().tolist() == [0.0, 1.0, 0.0]
    assert few.against == enough.against == pytest.approx(0.0)
    assert enough.distance == pytest.approx(0.7)


def test_nothing_is_bet_before_the_stable_revision_is_known() -> None:
    drift = Drift.knowing(np.array([10.0, 9.0]))
    found = drift.after(Rows(np.array([0.0, 50.0]), np.zeros(2)), np.array([0.0, 1.0]), 0.2, 0.5)
    assert found.against == pytest.approx(0.0)
    assert Drift.none().against == pytest.approx(0.0)


def test_a_fresh_start_bets_anew_and_is_no_evidence_by_itself() -> None:
    scores = np.array([0.0, 1.0])
    alike = Rows(np.array([900.0, 100.0]), np.array([8100.0, 900.0]))
    past = Drift.knowing(np.array([900.0, 100.0])).after(alike, scores, 0.2, 0.1)
    fresh = past.afresh()
    assert fresh.against <= past.against + 1e-9
    shifted = Rows(np.array([10.0, 50.0]), np.array([54.0, 6.0]))
    assert fresh.after(shifted, scores, 0.2, 0.5).against > 6
    assert past.after(shifted, scores, 0.2, 0.5).against < 0


def test_evidence_survives_its_json() -> None:
    drift = seen_before(np.random.default_rng(1), 4).afresh()
    assert Drift.from_json(json.loads(json.dumps(drift.to_json()))) == drift
    assert drift != Drift.none()
    for broken in ([[1.0], [1.0, 2.0], [0.0] * 3, 0.1], [[1.0], [1.0], [0.0], 0.1]):
        with pytest.raises(ValueError, match="another make"):
            Drift.from_json(broken)


def test_many_rollouts_at_a_time_are_judged_as_each_alone() -> None:
    rng = np.random.default_rng(2)
    known, canary, stable = (rng.integers(0, 90, (3, 4)).astype(float) for _ in range(3))
    scores = np.array([0.0, 1.0, 0.5, 0.0])
    together = Drift.knowing(known).after(Rows(canary, stable), scores, 0.1, 0.2).afresh()
    for row in range(3):
        rows = Rows(canary[row], stable[row])
        alone = Drift.knowing(known[row]).after(rows, scores, 0.1, 0.2).afresh()
        assert together.harm[row] == pytest.approx(alone.harm)
        assert together.rising()[row].tolist() == alone.rising().tolist()


@pytest.mark.parametrize("weight", [0.01, 0.99])
@pytest.mark.parametrize("margin", [0.0, 0.95, 1.0])
def test_the_extremes_give_finite_numbers(margin: float, weight: float) -> None:
    scores = np.array([0.0, 1.0])
    for known in ((0.0, 0.0), (1000.0, 0.0), (0.0, 1000.0)):
        found = Drift.knowing(np.array(known))
        for canary, stable in ((0.0, 1.0), (1.0, 0.0), (1.0, 1.0)):
            rows = Rows(
                np.array([1e6 * (1 - canary), 1e6 * canary]),
                np.array([1e6 * (1 - stable), 1e6 * stable]),
            )
            found = found.after(rows, scores, margin, weight).afresh()
            assert np.isfinite(found.harm).all() and math.isfinite(found.against)
