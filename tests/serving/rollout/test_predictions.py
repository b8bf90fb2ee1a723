"""The guards on what is predicted, on the split, and on the shadow, as tables of counts."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

import pytest

from serving.rollout.advance import Sight, advance
from serving.rollout.judge import Case, Judgement, Verdict, judge, judge_shadow
from serving.rollout.observation import Counts, Observation, Shadowed
from serving.rollout.policy import Policy
from serving.rollout.state import Phase, Rollout

BOUNDS = (*(i / 10 for i in range(1, 10)), 0.95, 0.99, 1.0, math.inf)
SURE, UNSURE = 11, 5
POLICY = Policy()
THREE = {"setosa": 1 / 3, "versicolor": 1 / 3, "virginica": 1 / 3}


def counts(requests: int, shares: Mapping[str, float], *, unsure: float = 0.0) -> Counts:
    """Answers without a fault, of classes in these shares, `unsure` of them at 0.55."""
    buckets = [0] * len(BOUNDS)
    buckets[UNSURE] = round(requests * unsure)
    buckets[SURE] = requests - buckets[UNSURE]
    classes = {label: round(requests * share) for label, share in shares.items()}
    return Counts(requests, classes=classes, confidence=tuple(buckets), confidence_bounds=BOUNDS)


def judged(canary: Counts, stable: Counts, *, learnt: float = 0.25) -> Judgement:
    """The verdict at 10 %, after a first part of the answers that is only learnt from."""
    case = Case.against(counts(900, THREE), POLICY)
    for part in (learnt, 1 - learnt):
        case = case.after(scaled(canary, part), scaled(stable, part), POLICY, 10)
    return judge(case, canary.requests, POLICY)


def scaled(found: Counts, part: float) -> Counts:
    return Counts(
        round(found.requests * part),
        classes={label: round(rows * part) for label, rows in found.classes.items()},
        confidence=tuple(round(rows * part) for rows in found.confidence),
        confidence_bounds=found.confidence_bounds,
    )


ALWAYS = {"virginica": 1.0}
MORE = {"setosa": 0.2, "versicolor": 0.2, "virginica": 0.6}
TWO = {"versicolor": 0.45, "virginica": 0.55}
NEW_CLASS = {**{label: share / 2 for label, share in THREE.items()}, "unheard of": 0.5}
GOOD, BAD, TOO_FEW = Verdict.GOOD, Verdict.BAD, Verdict.TOO_FEW


@pytest.mark.parametrize(
    ("n", "shares", "unsure", "verdict", "guilty"),
    [
        pytest.param(180, THREE, 0.0, GOOD, [], id="alike"),
        pytest.param(180, MORE, 0.0, GOOD, [], id="near the margin, so not convicted"),
        pytest.param(40, ALWAYS, 0.0, BAD, ["class shift"], id="always one class"),
        pytest.param(80, TWO, 0.0, TOO_FEW, [], id="one class is gone, few answers"),
        pytest.param(400, TWO, 0.0, BAD, ["class shift"], id="one class is gone"),
        pytest.param(120, NEW_CLASS, 0.0, BAD, ["class shift"], id="a class never seen before"),
        pytest.param(180, THREE, 0.2, GOOD, [], id="unsure of some"),
        pytest.param(60, THREE, 0.9, BAD, ["confidence drop"], id="unsure of nearly all"),
    ],
)
def test_verdicts_on_what_is_predicted(
    n: int, shares: Mapping[str, float], unsure: float, verdict: Verdict, guilty: list[str]
) -> None:
    found = judged(counts(n, shares, unsure=unsure), counts(9 * n, THREE))
    assert [guard.name for guard in found.guards if guard.breached] == guilty
    assert found.verdict is verdict


def test_the_sentences_name_the_class_and_both_numbers() -> None:
    shifted = judged(counts(80, ALWAYS), counts(720, THREE))
    assert shifted.sentences[0].startswith(
        "predicted classes differ by 66.7 % (canary, 80 answers), 20.0 % are tolerated; "
        "virginica: 100.0 % against 33.3 %; chance does that in one of "
    )
    unsure = judged(counts(80, THREE, unsure=0.9), counts(720, THREE))
    assert unsure.sentences[0].startswith(
        "mean confidence 0.59 (canary, 80 answers) against 0.99 (stable) - 0.20; chance does that"
    )


def test_what_is_beyond_its_limit_and_not_proven_says_that_it_does_not_count() -> None:
    passed = judged(counts(180, MORE), counts(1620, THREE))
    assert passed.verdict is GOOD
    shift = next(guard for guard in passed.guards if guard.name == "class shift")
    assert shift.value > shift.limit
    assert shift.sentence.endswith(
        "virginica: 60.0 % against 33.3 %; more than tolerated, but so few answers may do that by "
        "chance, so it does not count against the canary"
    )
    rows = judge_shadow(Shadowed(rows=8, differ=3, asked=8), POLICY)
    assert rows.verdict is TOO_FEW
    assert (
        "37.5 % of 8 mirrored rows got another label, 20.0 % are allowed; more than"
        in (rows.sentences[1])
    )
    alike = judged(counts(180, THREE), counts(1620, THREE))
    assert not [each for each in alike.sentences if "more than tolerated" in each]


def test_neither_guard_blocks_where_predictions_cannot_be_seen_nor_delays_a_good_verdict() -> None:
    blind = judged(Counts(180), Counts(1620))
    seen = judged(counts(180, THREE), counts(1620, THREE))
    assert blind.verdict is seen.verdict is GOOD
    assert [guard.name for guard in blind.guards] == ["error rate", "split"]
    assert [guard.needed for guard in seen.guards if guard.name != "error rate"] == [0, 0, 0]


def test_the_rows_of_one_request_count_as_one_answer() -> None:
    """One client sends ten batches of a hundred rows each, sorted by class."""
    batches = Counts(10, classes={"virginica": 1000})
    assert judged(batches, counts(90, THREE)).verdict is TOO_FEW


def test_a_thousand_classes_make_no_greater_state_than_ten() -> None:
    many = {f"class number {i} of a great many": 1e-3 for i in range(1000)}
    case = Case.against(counts(10**6, many), POLICY).after(
        counts(10**5, many), counts(9 * 10**5, many), POLICY, 10
    )
    text = json.dumps(case.to_json())
    assert len(text) < 2000
    assert Case.from_json(json.loads(text)) == case
    assert len(case.labels) == 8


def test_classes_are_told_apart_as_soon_as_the_stable_revision_shows_some() -> None:
    case = Case.against(Counts(), POLICY)
    for canary, stable in ((5, 45), (10, 90), (20, 180), (40, 360)):
        case = case.after(counts(canary, ALWAYS), counts(stable, THREE), POLICY, 10)
    assert set(case.labels) == set(THREE)
    assert judge(case, 75, POLICY).verdict is BAD


def reading(canary: int, share: Mapping[str, float], at: float) -> Observation:
    return Observation(
        1.0, at, {"new": counts(canary, share), "old": counts(900 + 9 * canary, THREE)}
    )


def test_a_shift_is_found_from_one_look_to_the_next_through_the_annotation() -> None:
    state = Rollout(
        "x", "iris", "3", "file:///3", POLICY, Phase.OBSERVING, 10, canary="new", stable="old"
    )
    split = {"new": 10, "old": 90}
    for look in range(200):
        at = 1000.0 + look / 5
        sight = Sight(at, "new", "old", True, split=split, observation=reading(look, ALWAYS, at))
        after = advance(state, sight).state
        state = Rollout.from_json(after.to_json())
        if state.phase is not Phase.OBSERVING:
            break
    assert state.phase is Phase.ROLLING_BACK
    assert "virginica" in state.reason
    assert look < 45


@pytest.mark.parametrize(
    ("percent", "canary", "whole", "verdict"),
    [
        pytest.param(10, 30, 300, TOO_FEW, id="as asked for"),
        pytest.param(10, 100, 100, TOO_FEW, id="all of a hundred"),
        pytest.param(10, 300, 300, BAD, id="all of three hundred"),
        pytest.param(10, 3100, 10_000, BAD, id="31 of 10 percent"),
        pytest.param(10, 1400, 10_000, GOOD, id="14 of 10 percent"),
        pytest.param(10, 5, 10_000, BAD, id="next to none"),
        pytest.param(1, 250, 10_000, TOO_FEW, id="2.5 of 1 percent"),
        pytest.param(50, 3000, 10_000, GOOD, id="30 of 50 percent"),
        pytest.param(50, 1000, 10_000, BAD, id="10 of 50 percent"),
        pytest.param(95, 9900, 10_000, GOOD, id="99 of 95 percent"),
    ],
)
def test_a_split_that_is_off_by_more_than_chance_is_bad(
    percent: int, canary: int, whole: int, verdict: Verdict
) -> None:
    known = Case.against(Counts(900), POLICY)
    case = known.after(Counts(canary), Counts(whole - canary), POLICY, percent)
    found = judge(case, canary, POLICY)
    assert (case.split, case.percent) == ((canary, whole), percent)
    assert found.verdict is verdict
    if verdict is BAD:
        got = f"{100 * canary / whole:.3g} %"
        assert found.sentences[0].startswith(
            f"the canary got {got} of the requests, {percent} % were asked for; chance"
        )
    assert case.afresh(POLICY).split == (0, 0)


@pytest.mark.parametrize(
    ("shadowed", "verdict", "needed"),
    [
        pytest.param(Shadowed(), TOO_FEW, 16, id="nothing asked yet"),
        pytest.param(Shadowed(10, 10), TOO_FEW, 6, id="ten alike"),
        pytest.param(Shadowed(16, 16), GOOD, 0, id="sixteen alike"),
        pytest.param(Shadowed(100, 100, 8), GOOD, 0, id="8 of 100 differ"),
        pytest.param(Shadowed(100, 100, 20), TOO_FEW, 78, id="just on the line"),
        pytest.param(Shadowed(20, 20, 15), BAD, 0, id="15 of 20 differ"),
        pytest.param(Shadowed(200, 200, 80), BAD, 0, id="80 of 200 differ"),
        pytest.param(Shadowed(20, 0, 0, 20, 0), BAD, 0, id="the canary answers nothing"),
        pytest.param(Shadowed(100, 82, 0, 9, 9), GOOD, 0, id="a bad network for both"),
        pytest.param(Shadowed(20, 3, 0, 2, 17), Verdict.NOT_MEASURED, 0, id="stable is down"),
    ],
)
def test_verdicts_on_a_shadow(shadowed: Shadowed, verdict: Verdict, needed: int) -> None:
    found = judge_shadow(shadowed, POLICY)
    assert (found.verdict, found.needed) == (verdict, needed)


def test_a_bad_shadow_is_told_with_examples_and_an_unmeasured_one_with_its_reason() -> None:
    examples = tuple(f"row {n}: setosa by iris-2, virginica by iris-3" for n in range(9))
    found = judge_shadow(Shadowed(20, 20, 15, examples=examples), POLICY)
    assert found.sentences[0].startswith(
        "75.0 % of 20 mirrored rows got another label, 20.0 % are allowed; chance does that in one"
    )
    assert found.sentences[0].endswith("; ".join(examples[:3]))
    silent = judge_shadow(Shadowed(20, 3, 0, 2, 17), POLICY)
    assert silent.sentences == ("the stable revision answered only 3 of 20 mirrored rows",)


def test_a_policy_that_allows_every_disagreement_asks_only_for_answers() -> None:
    anything = Policy(max_disagreement=1)
    assert judge_shadow(Shadowed(5, 5, 5), anything).verdict is GOOD
