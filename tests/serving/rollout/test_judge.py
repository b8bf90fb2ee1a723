"""Verdicts as a table: counts of the canary and of the stable revision in the same window."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from serving.rollout.judge import Case, Judgement, Verdict, judge
from serving.rollout.observation import Counts, NotMeasured, Observation
from serving.rollout.policy import Policy

BOUNDS = (0.005, 0.01, 0.02, 0.05, 0.1, math.inf)
POLICY = Policy()
WIDE = Policy(max_error_increase=0.2)


def counts(requests: int, errors: int = 0, *, slow: int = 0) -> Counts:
    """Most requests take up to 5 ms, `slow` of them 50 to 100 ms."""
    return Counts(requests, errors, (requests - slow, 0, 0, 0, slow, 0), BOUNDS)


KNOWN = counts(900)


def judged(
    canary: Counts, stable: Counts, known: Counts = KNOWN, policy: Policy = POLICY
) -> Judgement:
    """The verdict at 10 %, on one window, after the stable revision showed what it can do."""
    case = Case.against(known, policy).after(canary, stable, policy, 10)
    return judge(case, canary.requests, policy)


@pytest.mark.parametrize(
    ("canary", "stable", "verdict", "needed"),
    [
        pytest.param(counts(0), counts(0), Verdict.TOO_FEW, 156, id="no traffic"),
        pytest.param(counts(100), counts(900), Verdict.TOO_FEW, 67, id="not yet enough"),
        pytest.param(counts(180), counts(1620), Verdict.GOOD, 0, id="enough, all well"),
        pytest.param(counts(180, 1), counts(1620), Verdict.TOO_FEW, 119, id="one error of 180"),
        pytest.param(counts(600, 6), counts(5400, 54), Verdict.GOOD, 0, id="1 % fail on both"),
        pytest.param(
            counts(600, 18), counts(5400, 54), Verdict.TOO_FEW, 973, id="just on the line"
        ),
        pytest.param(counts(50, 4), counts(450), Verdict.TOO_FEW, 346, id="4 of 50 may be chance"),
        pytest.param(counts(50, 6), counts(450), Verdict.BAD, 0, id="6 of 50 are none"),
        pytest.param(counts(50, 6), counts(450, 45), Verdict.TOO_FEW, 1321, id="stable fails too"),
        pytest.param(counts(2, 2), counts(18), Verdict.TOO_FEW, 285, id="the first two of two"),
        pytest.param(counts(4, 4), counts(36), Verdict.TOO_FEW, 378, id="nor the first four"),
        pytest.param(counts(5, 3), counts(45), Verdict.BAD, 0, id="three of five"),
        pytest.param(counts(20, 4), counts(180), Verdict.BAD, 0, id="4 of 20"),
        pytest.param(counts(50, slow=50), counts(450), Verdict.BAD, 0, id="all are slow"),
        pytest.param(counts(5, slow=5), counts(45), Verdict.BAD, 0, id="five of five are slow"),
        pytest.param(counts(50, slow=3), counts(450), Verdict.TOO_FEW, 112, id="3 may be chance"),
        pytest.param(
            counts(50, slow=10), counts(450, slow=90), Verdict.TOO_FEW, 412, id="both alike"
        ),
    ],
)
def test_verdicts(canary: Counts, stable: Counts, verdict: Verdict, needed: int) -> None:
    found = judged(canary, stable)
    assert (found.verdict, found.needed) == (verdict, needed)


@pytest.mark.parametrize(
    ("known", "canary", "stable", "verdict"),
    [
        pytest.param(counts(0), counts(50, 50), counts(0), Verdict.TOO_FEW, id="never asked"),
        pytest.param(counts(0), counts(50, 50), counts(400), Verdict.TOO_FEW, id="learnt from now"),
        pytest.param(counts(19), counts(50, 50), counts(0), Verdict.TOO_FEW, id="asked 19 times"),
        pytest.param(counts(20), counts(50, 50), counts(0), Verdict.TOO_FEW, id="asked no more"),
        pytest.param(counts(20), counts(50, 50), counts(40), Verdict.BAD, id="asked 20 times"),
        pytest.param(counts(900), counts(50), counts(0), Verdict.TOO_FEW, id="known of old"),
        pytest.param(counts(900, 450), counts(50, 50), counts(450, 225), Verdict.BAD, id="half"),
        pytest.param(counts(900, 900), counts(50, 50), counts(450, 450), Verdict.TOO_FEW, id="all"),
    ],
)
def test_a_canary_is_held_against_what_is_known_of_the_stable_revision(
    known: Counts, canary: Counts, stable: Counts, verdict: Verdict
) -> None:
    assert judged(canary, stable, known).verdict is verdict


@pytest.mark.parametrize(("margin", "requests"), [(0.02, 160), (0.05, 80), (0.2, 60)])
def test_a_wider_margin_needs_fewer_requests_for_good(margin: float, requests: int) -> None:
    """At least as many as the latency guard wants, whose margin is 5 points."""
    policy = Policy(max_error_increase=margin, min_requests=1)
    first = next(
        n
        for n in range(5, 1000, 5)
        if judged(counts(n), counts(9 * n), policy=policy).verdict is Verdict.GOOD
    )
    assert requests * 0.8 <= first <= requests * 1.2


def test_good_waits_for_the_policys_number_of_requests_and_says_how_many_are_missing() -> None:
    patient = replace(WIDE, min_requests=500)
    found = judged(counts(480), counts(4320), policy=patient)
    assert (found.verdict, found.needed) == (Verdict.TOO_FEW, 20)
    assert judged(counts(500), counts(4500), policy=patient).verdict is Verdict.GOOD


def test_the_number_that_is_said_to_be_missing_is_enough_if_all_stays_well() -> None:
    asked = 0
    for _ in range(9):
        found = judged(counts(asked), counts(9 * asked))
        if found.verdict is Verdict.GOOD:
            break
        asked += found.needed
    assert found.verdict is Verdict.GOOD
    assert asked < 250


def test_every_sentence_holds_both_numbers() -> None:
    found = judged(counts(48, 15), counts(500, 2))
    assert found.sentences == (
        "error rate 31.2 % (canary, 48 requests) against 0.4 % (stable) + 2.0 %; "
        "chance does that in one of 1,000,000 rollouts at most",
    )
    found = judged(counts(5, slow=5), counts(45))
    assert found.sentences == (
        "slower than 10 ms: 100.0 % (canary, 5 requests) against 0.0 % (stable) + 5.0 %; "
        "chance does that in one of 974 rollouts at most; p95 97.5 ms against 4.8 ms",
    )
    assert judged(counts(0), counts(0)).sentences[1] == (
        "slower than 10 ms: 0.0 % (canary, 0 requests) against 0.0 % (stable) + 5.0 %"
    )
    found = judged(counts(200), counts(1800, 9))
    assert (
        found.sentences[0]
        == "error rate 0.0 % (canary, 200 requests) against 0.5 % (stable) + 2.0 %"
    )


def test_a_difference_below_the_floor_never_counts() -> None:
    bounds = (0.001, 0.0015, 0.003, 0.05, 0.1, math.inf)
    quick = Counts(50, 0, (50, 0, 0, 0, 0, 0), bounds)
    slower = Counts(50, 0, (0, 0, 50, 0, 0, 0), bounds)
    assert judged(slower, quick, quick, WIDE).verdict is Verdict.TOO_FEW
    strict = replace(WIDE, latency_floor_ms=0.5)
    assert judged(slower, quick, quick, strict).verdict is Verdict.BAD


def test_a_source_without_latencies_is_judged_by_errors_alone() -> None:
    found = judged(Counts(200), Counts(1800), Counts(900))
    assert found.verdict is Verdict.GOOD
    assert [guard.name for guard in found.guards] == ["error rate", "split"]


def test_evidence_adds_up_over_windows_and_over_the_steps() -> None:
    case = Case.against(KNOWN, POLICY)
    for percent, canary, stable in ((10, 50, 450), (10, 50, 450), (25, 50, 150)):
        verdict = judge(case, 60, POLICY).verdict
        case = case.after(counts(canary), counts(stable), POLICY, percent)
        assert verdict is Verdict.TOO_FEW
    case = case.after(counts(50), counts(50), POLICY, 50)
    assert judge(case, 50, POLICY).verdict is Verdict.GOOD


def test_a_good_past_does_not_hide_a_harm_that_begins_later() -> None:
    past = Case.against(KNOWN, POLICY).after(counts(20_000), counts(180_000), POLICY, 10)
    assert judge(past, 20_000, POLICY).verdict is Verdict.GOOD
    later = past.afresh(POLICY).after(counts(60, 15), counts(60), POLICY, 50)
    assert judge(later, 60, POLICY).verdict is Verdict.BAD
    first = past.afresh(POLICY).after(counts(60, 2), counts(60), POLICY, 50)
    assert judge(first, 60, POLICY).verdict is Verdict.TOO_FEW, "the surplus is given up"


def test_a_case_survives_its_json() -> None:
    case = Case.against(KNOWN, POLICY).after(counts(50, 3, slow=4), counts(450), POLICY, 10)
    text = json.dumps(case.afresh(POLICY).to_json())
    assert Case.from_json(json.loads(text)) == case.afresh(POLICY)
    assert len(text) < 800


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
    ("seconds", "slower"), [(0.0, 20), (0.005, 10), (0.01, 10), (0.02, 0), (math.inf, 0)]
)
def test_slower_than_a_bound_is_what_lies_in_the_buckets_above_it(
    seconds: float, slower: int
) -> None:
    assert Counts(20, 0, (10, 0, 10, 0, 0, 0), BOUNDS).slower(seconds) == slower


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
