"""The mathematics of the judge: what every factor is expected to be, and what looks add up to."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scripts.bench.judge_streams import Stream, World, bad_at, counted, stream
from serving.rollout.evidence import EASES, HARMS, LEARN, Bets, Block, Evidence

share = st.floats(0.0, 1.0)
margins = st.one_of(st.just(0.0), st.floats(0.001, 0.9))
weights = st.floats(0.01, 0.99)
histories = st.one_of(
    st.tuples(st.integers(LEARN, 10**6), share).map(lambda pair: (pair[0], pair[0] * pair[1])),
    st.sampled_from([(0, 0), (20, 0), (1000, 0), (1000, 1000), (10**6, 0), (10**6, 10**6)]),
)
fair = settings(max_examples=150, deadline=None)


def expected(bets: Bets, canary: float, stable: float) -> tuple[np.ndarray, np.ndarray]:
    """What an answer of the canary, and one of the stable revision, multiplies by on average."""
    ours = canary * np.exp(bets.canary_hit) + (1 - canary) * np.exp(bets.canary_miss)
    theirs = stable * np.exp(bets.stable_hit) + (1 - stable) * np.exp(bets.stable_miss)
    return ours, theirs


@fair
@given(histories, margins, weights, share, share)
@example((1000, 0), 0.001, 0.01, 0.0, 0.0)
@example((10**6, 0), 0.9, 0.99, 0.5, 0.0)
@example((10**6, 10**6), 0.3, 0.99, 1.0, 0.0)
def test_no_bet_is_expected_to_win_where_its_null_is_true(
    known: tuple[int, float], margin: float, weight: float, stable: float, off: float
) -> None:
    harm, safe = Evidence.knowing(*known).bets(margin, weight)
    line = stable + margin
    cases = [(harm, min(line, 1.0) * (1 - off))]
    if line <= 1:
        cases.append((safe, line + (1 - line) * off))
    for bets, canary in cases:
        ours, theirs = expected(bets, canary, stable)
        assert (weight * ours + (1 - weight) * theirs).max() <= 1 + 1e-9


@pytest.mark.thorough
@fair
@given(histories, margins, st.integers(1, 60), st.integers(1, 60), share, share)
def test_nor_where_exactly_so_many_answers_go_to_each_in_turn(
    known: tuple[int, float], margin: float, n: int, m: int, stable: float, off: float
) -> None:
    harm, safe = Evidence.knowing(*known).bets(margin, n / (n + m))
    line = stable + margin
    cases = [(harm, min(line, 1.0) * (1 - off))]
    if line <= 1:
        cases.append((safe, line + (1 - line) * off))
    for bets, canary in cases:
        ours, theirs = expected(bets, canary, stable)
        assert (ours**n * theirs**m).max() <= 1 + 1e-7


@fair
@given(histories, margins, weights, st.integers(0, 5), st.integers(0, 8), st.tuples(share, share))
@example((1000, 0), 0.02, 0.5, 1, 8, (0.0, 0.0))
def test_nor_where_the_split_is_not_as_told(
    known: tuple[int, float],
    margin: float,
    weight: float,
    n: int,
    m: int,
    shares: tuple[float, float],
) -> None:
    """Exactly: over all outcomes of n answers of the canary and m of the stable revision."""
    stable, off = shares
    canary = min(stable + margin, 1.0) * (1 - off)
    hits, stable_hits = np.meshgrid(np.arange(n + 1), np.arange(m + 1))
    chance = binomial(n, hits, canary) * binomial(m, stable_hits, stable)
    harm, _ = Evidence.knowing(*known).bets(margin, weight)
    logs = harm.on(Block(np.full_like(hits, n), hits, np.full_like(hits, m), stable_hits), weight)
    assert (chance[..., None] * np.exp(logs)).sum(axis=(0, 1)).max() <= 1 + 1e-7


def binomial(n: int, hits: np.ndarray, chance: float) -> np.ndarray:
    ways = np.vectorize(math.comb)(n, hits)
    return np.asarray(ways * chance**hits * (1 - chance) ** (n - hits))


def test_a_canary_without_a_fault_is_never_bad_however_the_traffic_is_split() -> None:
    for n, m in ((200, 800), (1000, 10), (0, 10**6), (10**6, 0), (1, 10**5)):
        for weight in (0.01, 0.1, 0.5, 0.99):
            found = Evidence.knowing(1000, 0).after(Block(n, 0, m, 0), 0.02, weight)
            assert found.against <= 1e-9


def test_where_the_truth_is_as_guessed_every_bet_wins() -> None:
    harm, safe = Evidence.knowing(1000, 10).bets(0.02, 0.1)
    for bet, effect in enumerate(HARMS):
        ours, theirs = expected(harm, 0.03 + effect, 0.01)
        assert (0.1 * ours + 0.9 * theirs)[bet] > 1
    for bet, ease in enumerate(EASES):
        ours, theirs = expected(safe, 0.01 + 0.02 * (1 - ease), 0.01)
        assert (0.1 * ours + 0.9 * theirs)[bet] > 1


def test_a_block_is_bet_on_by_what_was_seen_before_it() -> None:
    before = Evidence.knowing(100, 1)
    harm, safe = before.bets(0.02, 0.1)
    for block in (Block(10, 10, 90, 0), Block(10, 0, 90, 9)):
        after = before.after(block, 0.02, 0.1)
        assert after.harm == pytest.approx(before.harm + harm.on(block, 0.1))
        assert after.safe == pytest.approx(before.safe + safe.on(block, 0.1))
        assert after.bets(0.02, 0.1)[0].stable_hit != pytest.approx(harm.stable_hit)


def test_looks_within_a_block_add_up_to_the_block() -> None:
    harm, _ = Evidence.knowing(100, 1).bets(0.02, 0.1)
    parts = [Block(3, 1, 27, 0), Block(5, 0, 45, 2), Block(1, 0, 9, 0)]
    whole = parts[0].plus(parts[1]).plus(parts[2])
    assert sum(harm.on(part, 0.1) for part in parts) == pytest.approx(harm.on(whole, 0.1))


def test_nothing_is_bet_before_something_is_known() -> None:
    blank = Evidence.none().after(Block(50, 50, LEARN - 1, 0), 0.02, 0.5)
    assert (blank.against, blank.in_favour) == (pytest.approx(0.0), pytest.approx(0.0))
    known = blank.after(Block(0, 0, 1, 0), 0.02, 0.5).after(Block(9, 9, 9, 0), 0.02, 0.5)
    assert known.against > 3


def test_a_long_history_counts_as_a_shorter_one_of_its_kind() -> None:
    long, short = Evidence.knowing(10**6, 10**4), Evidence.knowing(1000, 10)
    assert long == short


def test_a_fresh_start_gives_up_the_surplus_and_bets_anew() -> None:
    harmless = Evidence.knowing(1000, 0).after(Block(10**4, 0, 9 * 10**4, 0), 0.02, 0.1)
    assert harmless.against == pytest.approx(math.log(0.1))
    fresh = harmless.afresh(3.0)
    assert fresh.in_favour == pytest.approx(3.0)
    assert fresh.against <= harmless.against + 1e-9, "a fresh start alone is no evidence"
    harm = Block(60, 12, 60, 0)
    found, missed = (past.after(harm, 0.02, 0.5).against for past in (fresh, harmless))
    assert found > 3.2 > 0 > missed
    weak = Evidence.knowing(1000, 0).after(Block(20, 0, 180, 0), 0.02, 0.1)
    assert weak.afresh(3.0).in_favour == weak.in_favour


def test_evidence_survives_its_json() -> None:
    gathered = Evidence.knowing(333, 3).after(Block(7, 1, 70, 1), 0.02, 0.1).afresh(3.0)
    text = json.dumps(gathered.to_json())
    assert Evidence.from_json(json.loads(text)) == gathered
    assert len(text) < 300
    assert gathered != Evidence.none()
    with pytest.raises(ValueError, match="another make"):
        Evidence.from_json([*gathered.to_json()[:2], [0.0], [0.0], 0.2])


def test_many_rollouts_at_a_time_are_judged_as_each_alone() -> None:
    blocks = [(12, 3, 100, 1), (5, 0, 70, 0), (1, 1, 900, 30)]
    histories = [(50, 1), (1000, 0), (4000, 40)]
    both = Evidence.knowing(*(np.array(column) for column in zip(*histories, strict=True)))
    together = both.after(Block(*map(np.array, zip(*blocks, strict=True))), 0.03, 0.2).afresh(2.0)
    for row, (history, block) in enumerate(zip(histories, blocks, strict=True)):
        alone = Evidence.knowing(*history).after(Block(*block), 0.03, 0.2).afresh(2.0)
        assert together.harm[row] == pytest.approx(alone.harm)
        assert together.against[row] == pytest.approx(alone.against)
        assert together.in_favour[row] == pytest.approx(alone.in_favour)


@pytest.mark.parametrize("known", [(0, 0), (20, 0), (20, 20), (10**6, 0), (10**6, 10**6)])
@pytest.mark.parametrize("margin", [0.0, 0.001, 0.9])
@pytest.mark.parametrize("weight", [0.01, 0.99])
def test_the_extremes_give_finite_numbers(
    known: tuple[int, int], margin: float, weight: float
) -> None:
    for hits, stable_hits in ((0, 0), (10**6, 0), (0, 10**6), (10**6, 10**6)):
        found = Evidence.knowing(*known)
        for _ in range(3):
            found = found.after(Block(10**6, hits, 10**6, stable_hits), margin, weight)
            assert math.isfinite(found.against) and math.isfinite(found.in_favour)
            assert np.isfinite(found.harm).all() and np.isfinite(found.safe).all()
            assert found.pace(margin, weight) >= 0
        assert math.isfinite(found.afresh(3.0).against)


def test_identical_canaries_are_rolled_back_as_rarely_as_alpha_says() -> None:
    rollouts, alpha = 2000, 0.05
    same = stream(np.random.default_rng(1), World(0.01, 0.01), rollouts, 600)
    false = np.mean(bad_at(same, 0.0, 0.1, alpha) >= 0)
    assert 0 < false <= alpha + 3 * math.sqrt(alpha * (1 - alpha) / rollouts)


def test_so_are_canaries_on_the_line_and_where_the_split_is_off_by_a_fifth() -> None:
    rng, alpha = np.random.default_rng(2), 0.05
    for world in (World(0.03, 0.01), World(0.03, 0.01, 0.12), World(0.03, 0.01, 0.08)):
        false = np.mean(bad_at(stream(rng, world, 300, 1000), 0.02, 0.1, alpha) >= 0)
        assert false <= alpha + 3 * math.sqrt(alpha * (1 - alpha) / 300)


def test_a_day_on_which_both_fail_more_is_no_evidence() -> None:
    rng = np.random.default_rng(3)
    calm, stormy = (stream(rng, World(share, share), 500, 1000) for share in (0.01, 0.3))
    day = Stream(
        np.hstack([calm.of_canary, stormy.of_canary]), np.hstack([calm.hit, stormy.hit]), calm.known
    )
    assert np.mean(bad_at(day, 0.0, 0.1, 0.05) >= 0) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 500)


@pytest.mark.parametrize(("worse", "requests", "oracle"), [(0.05, 2000, 63), (0.2, 400, 9)])
def test_harm_is_found_nearly_as_soon_as_by_an_oracle(
    worse: float, requests: int, oracle: float
) -> None:
    """The oracle knows both shares: log(1/alpha) / growth (facts by the reference simulation)."""
    bad = stream(np.random.default_rng(4), World(0.01 + worse, 0.01), 300, requests)
    median = np.median(counted(bad, bad_at(bad, 0.0, 0.1, 0.04)))
    assert median <= 1.5 * oracle
