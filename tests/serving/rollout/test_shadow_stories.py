"""Rollouts that ask both revisions first: no live request before the shadow's verdict."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from serving.rollout import manual
from serving.rollout.begin import run
from serving.rollout.outcome import Outcome
from serving.rollout.state import Phase, rollout_of
from serving.rollout.undo import Wish, rollback
from tests.serving.rollout.fake_cluster import Behaviour
from tests.serving.rollout.stage import NAME, STEPS, Stage, request, uri

SHADOW = replace(STEPS, shadow_requests=40)
CANARY = "iris-predictor-00002"


def live_shares(stage: Stage) -> list[int]:
    """The percents that the canary ever had."""
    return [split[CANARY] for split in stage.cluster.splits if CANARY in split]


def kinds(stage: Stage) -> list[str]:
    return stage.ledger.kinds("2")


def test_a_good_shadow_comes_before_the_first_live_request() -> None:
    stage = Stage.with_live("1")
    outcome = stage.run("2", SHADOW)
    assert outcome.kind == "promoted"
    assert outcome.reason == "version 2 was good in the shadow, at 10 %, 50 %"
    told = [event.sentence for event in stage.events if event.kind in ("shadow", "good")]
    assert told[0] == "in the shadow: up to 40 rows are asked of both revisions"
    assert "in the shadow: 40 rows were asked of both (golden rows), their prob" in told[1]
    assert "in the shadow: 40 rows were asked of both (golden rows)" in outcome.evidence[0]
    assert kinds(stage) == ["begun", "split", "split", "promoting", "promoted"]
    split = next(r.entry for r in stage.ledger.records if r.entry.kind == "split")
    assert "golden rows" in split.why and "10 % of the traffic goes to" in split.why


def test_where_there_are_fewer_rows_each_is_asked_once_and_that_is_said() -> None:
    stage = Stage.with_live("1")
    outcome = stage.run("2", replace(SHADOW, shadow_requests=100))
    assert "40 rows of the 100 that were wanted were asked of both" in outcome.evidence[0]


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (Behaviour(disagreement=0.6), "row 0: other (canary), same (stable)"),
        (Behaviour(error_rate=0.5), "the canary alone failed on"),
    ],
    ids=["other answers", "errors"],
)
def test_a_bad_shadow_ends_the_rollout_at_0_percent(bad: Behaviour, said: str) -> None:
    stage = Stage.with_live("1")
    stage.cluster.behaviours[uri("2")] = bad
    outcome = stage.run("2", SHADOW)
    assert (outcome.kind, outcome.live_version) == ("rolled_back", "1")
    assert outcome.reason.startswith("bad in the shadow: 25 rows of the 40 that were wanted")
    assert said in outcome.reason
    assert "row 0: " in outcome.reason
    assert set(live_shares(stage)) == {0}, "not one live request"
    assert stage.recorder.written["2"] == "rolled back"
    assert kinds(stage) == ["begun", "rolling_back", "rolled_back"]


def test_too_few_rows_to_prove_it_good_go_on_to_a_live_step_but_not_to_everything() -> None:
    stage = Stage.with_live("1")
    stage.cluster.behaviours[uri("2")] = Behaviour(disagreement=0.1)
    stage.shadow.there = 20
    outcome = stage.run("2", SHADOW)
    assert outcome.reason == "version 2 was good at 10 %, 50 %"
    assert any(e.sentence.startswith("not bad in the shadow: 20 rows") for e in stage.events)

    stage.cluster.behaviours[uri("3")] = Behaviour(disagreement=0.1)
    at_once = stage.run("3", replace(SHADOW, steps=(100,)))
    assert at_once.kind == "held"
    assert "the shadow could not tell: 20 rows of the 40" in at_once.reason


NOT_ASKED = [
    ("hold", "held", {uri("1"): 100}),
    ("abort", "rolled_back", {uri("1"): 100}),
    ("promote", "promoted", {uri("2"): 100}),
]


@pytest.mark.parametrize(("policy", "kind", "live"), NOT_ASKED)
def test_a_shadow_that_cannot_tell_holds_and_then_does_what_the_policy_says(
    policy: Any, kind: str, live: dict[str, int]
) -> None:
    stage = Stage.with_live("1")
    stage.shadow.down = lambda now: True
    began = stage.cluster.now
    outcome = stage.run("2", replace(SHADOW, on_inconclusive=policy))
    assert (outcome.kind, stage.live()) == (kind, live)
    assert stage.cluster.now - began >= SHADOW.max_seconds
    if kind != "promoted":
        assert "the shadow could not tell: after 30 s: a revision cannot be asked" in outcome.reason
        assert set(live_shares(stage)) == {0}


def test_no_verdict_never_goes_to_everything_at_once() -> None:
    stage = Stage.with_live("1")
    stage.shadow.down = lambda now: True
    at_once = replace(SHADOW, steps=(100,), on_inconclusive="promote")
    assert stage.run("2", at_once).kind == "held"
    assert stage.live() == {uri("1"): 100}


def test_a_stable_revision_that_fails_is_no_evidence_against_the_canary() -> None:
    stage = Stage.with_live("1")
    stage.cluster.behaviours[uri("1")] = Behaviour(error_rate=0.8)
    outcome = stage.run("2", SHADOW)
    assert outcome.kind == "held"
    assert "the stable revision answered only 8 of 40" in outcome.reason
    assert "kanarya rollout resume iris`, `approve` 10 %, or `promote`" in outcome.reason


def test_no_row_anywhere_is_told_at_once() -> None:
    stage = Stage.with_live("1")
    stage.shadow.there = 0
    began = stage.cluster.now
    outcome = stage.run("2", SHADOW)
    assert outcome.kind == "held"
    assert stage.cluster.now - began < 5


def held_by_the_shadow() -> Stage:
    stage = Stage.with_live("1")
    stage.shadow.down = lambda now: True
    assert stage.run("2", SHADOW).kind == "held"
    return stage


def test_resuming_asks_again() -> None:
    stage = held_by_the_shadow()
    stage.shadow.down = lambda now: False
    outcome = manual.resume(stage.world("a person"), NAME)
    assert outcome.kind == "promoted"
    assert kinds(stage)[:4] == ["begun", "held", "resumed", "split"]


@pytest.mark.parametrize(
    ("decide", "kind", "first"),
    [
        (manual.approve, "promoted", [0, 10]),
        (manual.promote, "promoted", [0, 100]),
        (manual.abort, "rolled_back", [0]),
    ],
)
def test_a_person_decides_what_the_shadow_could_not(
    decide: Any, kind: str, first: list[int]
) -> None:
    stage = held_by_the_shadow()
    outcome: Outcome = decide(stage.world("a person"), NAME)
    assert outcome.kind == kind
    assert list(dict.fromkeys(live_shares(stage)))[: len(first)] == first


def test_the_first_version_and_a_policy_without_rows_have_no_shadow() -> None:
    stage = Stage()
    assert stage.run("1", SHADOW).kind == "promoted"
    assert stage.run("2", STEPS).kind == "promoted"
    assert not [event for event in stage.events if event.kind == "shadow"]


def test_a_rollback_by_hand_asks_nobody() -> None:
    stage = Stage.with_live("1")
    for version in ("2", "3"):
        assert stage.run(version, SHADOW).kind == "promoted"
    stage.shadow.down = lambda now: True
    undone = rollback(
        stage.world("a person"), NAME, Wish(version="1"), check=lambda uri, sha256: None
    )
    assert (undone.kind, undone.live_version) == ("rolled_back", "1")


def test_the_state_of_a_shadow_survives_its_annotation() -> None:
    stage = Stage.with_live("1")
    seen: list[int] = []

    def sleep(seconds: float) -> None:
        view = stage.cluster.get(NAME)
        assert view is not None
        state = rollout_of(view)
        assert state is not None
        if state.phase is Phase.SHADOWING and state.shadow:
            seen.append(state.shadow.shadowed.asked)
        stage.cluster.tick(seconds)

    assert run(replace(stage.world(), sleep=sleep), request("2", SHADOW)).kind == "promoted"
    assert seen == [25]
