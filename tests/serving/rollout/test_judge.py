"""Verdicts as a table: counts of the canary and of the stable revision in the same window."""

from __future__ import annotations

import math

import pytest

from serving.rollout.judge import Verdict, judge
from serving.rollout.observation import Counts, NotMeasured, Observation
from serving.rollout.policy import Policy

BOUNDS = (0.005, 0.01, 0.02, 0.05, 0.1, math.inf)
POLICY = Policy()
FAST = 0.004
SLOW = 0.09


def counts(requests: int, errors: int = 0, *, slow: int = 0) -> Counts:
    """Most requests take up to 5 ms, `slow` of them 50 to 100 ms."""
    return Counts(requests, errors, (requests - slow, 0, 0, 0, slow, 0), BOUNDS)


@pytest.mark.parametrize(
    ("canary", "stable", "verdict", "needed"),
    [
        pytest.param(counts(0), counts(0), Verdict.TOO_FEW, 50, id="no traffic"),
        pytest.param(counts(48), counts(400), Verdict.TOO_FEW, 2, id="two are missing"),
        pytest.param(counts(50), counts(400), Verdict.GOOD, 0, id="just enough"),
        pytest.param(counts(50), counts(0), Verdict.GOOD, 0, id="stable had no traffic"),
        pytest.param(counts(50, 1), counts(400), Verdict.GOOD, 0, id="2 % is the limit"),
        pytest.param(counts(50, 2), counts(400), Verdict.BAD, 0, id="4 % is above it"),
        pytest.param(counts(50, 2), counts(400, 12), Verdict.GOOD, 0, id="stable has 3 % too"),
        pytest.param(counts(50, 2), counts(0), Verdict.BAD, 0, id="no stable counts as 0 %"),
        pytest.param(counts(9, 9), counts(90), Verdict.TOO_FEW, 41, id="nine are never clear"),
        pytest.param(counts(10, 10), counts(90), Verdict.BAD, 0, id="ten of ten are"),
        pytest.param(counts(20, 4), counts(180), Verdict.TOO_FEW, 30, id="4 of 20 are not"),
        pytest.param(counts(40, 12), counts(360), Verdict.BAD, 0, id="12 of 40 are"),
        pytest.param(counts(50, slow=50), counts(400), Verdict.BAD, 0, id="all are slow"),
        pytest.param(counts(10, slow=10), counts(90), Verdict.BAD, 0, id="ten slow ones are clear"),
        pytest.param(counts(50, slow=3), counts(400), Verdict.TOO_FEW, 4226, id="3 may be chance"),
        pytest.param(counts(50, slow=50), counts(9), Verdict.GOOD, 0, id="stable has too few"),
        pytest.param(counts(50, slow=10), counts(400, slow=80), Verdict.GOOD, 0, id="both alike"),
    ],
)
def test_verdicts(canary: Counts, stable: Counts, verdict: Verdict, needed: int) -> None:
    found = judge(canary, stable, POLICY)
    assert (found.verdict, found.needed) == (verdict, needed)


def test_every_sentence_holds_both_numbers() -> None:
    found = judge(counts(48, 15), counts(500, 2), POLICY)
    assert found.sentences == ("error rate 31.2 % (canary, 48 requests) > 0.4 % (stable) + 2.0 %",)
    found = judge(counts(50, slow=50), counts(400), POLICY)
    assert found.sentences == (
        "p95 latency 97.5 ms (canary, 50 requests) > 9.8 ms, from 4.8 ms (stable)",
    )


def test_a_difference_below_the_floor_never_counts() -> None:
    quick = Counts(50, 0, (50, 0, 0, 0, 0, 0), (0.001, 0.003, 0.02, 0.05, 0.1, math.inf))
    slower = Counts(50, 0, (0, 50, 0, 0, 0, 0), quick.bounds)
    assert judge(slower, quick, POLICY).verdict is Verdict.GOOD
    strict = Policy(latency_floor_ms=0.5)
    assert judge(slower, quick, strict).verdict is Verdict.BAD


@pytest.mark.parametrize(
    ("buckets", "q", "seconds"),
    [
        ((0, 0, 0, 0, 0, 0), 0.5, math.nan),
        ((10, 0, 0, 0, 0, 0), 0.5, 0.0025),
        ((10, 10, 0, 0, 0, 0), 0.75, 0.0075),
        ((0, 0, 0, 0, 0, 10), 0.95, 0.1),
    ],
)
def test_quantiles(buckets: tuple[int, ...], q: float, seconds: float) -> None:
    found = Counts(sum(buckets), 0, buckets, BOUNDS).quantile(q)
    assert found == pytest.approx(seconds, nan_ok=True)


@pytest.mark.parametrize(
    ("seconds", "share"), [(0.0, 1.0), (0.005, 0.5), (0.015, 0.25), (0.02, 0.0), (9.0, 0.0)]
)
def test_the_share_above_a_time_is_linear_inside_a_bucket(seconds: float, share: float) -> None:
    found = Counts(20, 0, (10, 0, 10, 0, 0, 0), BOUNDS)
    assert found.share_above(seconds) == pytest.approx(share)


def test_a_difference_takes_the_baseline_away() -> None:
    before, now = counts(10, 2, slow=1), counts(30, 5, slow=4)
    assert now.since(before) == counts(20, 3, slow=3)
    assert now.since(Counts()) == now


@pytest.mark.parametrize(
    ("later", "continues"),
    [
        (Observation(1.0, 9.0, {"a": counts(5)}), True),
        (Observation(1.0, 9.0, {"a": counts(4)}), False),
        (Observation(1.0, 9.0, {}), False),
        (Observation(2.0, 9.0, {"a": counts(5)}), False),
    ],
)
def test_counters_continue_only_in_one_epoch_and_upwards(
    later: Observation, continues: bool
) -> None:
    assert later.continues(Observation(1.0, 1.0, {"a": counts(5)})) is continues


def test_an_observation_survives_its_json_without_the_bounds() -> None:
    seen = Observation(1.5, 2.5, {"a": counts(9, 1, slow=2), "b": Counts()})
    back = Observation.from_json(seen.to_json())
    assert (back.epoch, back.at) == (1.5, 2.5)
    assert counts(9, 1, slow=2).since(back.of("a")).requests == 0
    assert not any(counts(9, 1, slow=2).since(back.of("a")).buckets)
    assert back.of("b") == Counts()
    assert NotMeasured("why").reason == "why"
