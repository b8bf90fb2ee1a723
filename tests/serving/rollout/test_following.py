"""A rollout that somebody else takes in hand is followed, and ends for its run as it ends there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from serving.rollout import manual
from serving.rollout.begin import run
from serving.rollout.lease import LEASE_S
from serving.rollout.outcome import Event, Outcome
from serving.rollout.state import Phase, rollout_of
from serving.rollout.world import World
from tests.serving.rollout.fuse import Burning, Fuse, Killed
from tests.serving.rollout.stage import NAME, STEPS, Stage, request, uri

Decide = Callable[[World, str], Outcome]
PERSON = "a person"
END = {manual.promote: ("promoted", uri("2")), manual.abort: ("rolled_back", uri("1"))}


class AtTheSplit:
    """An audience of the rollout that lets something happen once, at its first split."""

    def __init__(self, stage: Stage, act: Callable[[], object]) -> None:
        self.stage, self.act, self.came = stage, act, False

    def __call__(self, event: Event) -> None:
        self.stage.events.append(event)
        if event.kind == "split" and not self.came:
            self.came = True
            self.act()


def followed(stage: Stage, act: Callable[[], object]) -> Outcome:
    return run(replace(stage.world(), report=AtTheSplit(stage, act)), request("2"))


def mortal(world: World, fuse: Fuse) -> World:
    mortals = ("services", "ledger", "recorder")
    return replace(world, **{part: Burning(getattr(world, part), fuse, part) for part in mortals})


@pytest.mark.parametrize("decide", END)
def test_a_run_ends_as_the_person_decided_and_says_who_has_it_meanwhile(decide: Decide) -> None:
    stage = Stage.with_live("1")
    until = stage.cluster.now + 3

    def decided() -> None:
        """Only the decision: its process then takes its time."""
        with pytest.raises(Killed):
            decide(mortal(stage.world(PERSON), Fuse(at=5)), NAME)

    def sleep(seconds: float) -> None:
        stage.cluster.tick(seconds)
        view = stage.cluster.get(NAME)
        state = rollout_of(view) if view else None
        if state and state.holder == PERSON and not state.over and stage.cluster.now > until:
            manual.resume(replace(stage.world("the next"), sleep=stage.cluster.tick), NAME)

    world = replace(stage.world(), report=AtTheSplit(stage, decided), sleep=sleep)
    kind, live = END[decide]
    outcome = run(world, request("2"))
    assert (outcome.kind, stage.live()) == (kind, {live: 100})
    said = [event.sentence for event in stage.events]
    assert any(
        ", carried on by a person; it is followed from here" in sentence for sentence in said
    ), said
    assert said[-1] == outcome.reason


@pytest.mark.parametrize("decide", END)
def test_a_person_s_process_may_be_killed_at_any_effect_and_the_run_brings_it_to_an_end(
    decide: Decide,
) -> None:
    kinds, at, is_whole = set(), 0, False
    while not is_whole:
        at += 1
        stage, fuse = Stage.with_live("1"), Fuse(at=at)

        def decided(stage: Stage = stage, fuse: Fuse = fuse) -> None:
            try:
                decide(mortal(stage.world(PERSON), fuse), NAME)
            except Killed:
                return

        outcome = followed(stage, decided)
        is_whole = len(fuse.names) < at
        live = {"promoted": uri("2"), "rolled_back": uri("1")}[outcome.kind]
        assert stage.live() == {live: 100}
        assert stage.recorder.written["2"] == outcome.kind.replace("_", " ")
        ends = [kind for kind in stage.ledger.kinds("2") if kind in ("promoted", "rolled_back")]
        assert ends == [outcome.kind]
        kinds.add(outcome.kind)
    assert at > 5
    assert END[decide][0] in kinds


def test_a_holder_that_died_is_given_its_lease_and_no_longer() -> None:
    stage = Stage.with_live("1")
    died_at: list[float] = []

    def decided() -> None:
        with pytest.raises(Killed):
            manual.abort(mortal(stage.world(PERSON), Fuse(at=5)), NAME)
        died_at.append(stage.cluster.now)

    assert followed(stage, decided).kind == "rolled_back"
    assert died_at[0] + LEASE_S <= stage.cluster.now < died_at[0] + LEASE_S + 3
    assert "taken_over" in stage.ledger.kinds("2")


def test_a_rollout_that_is_held_in_another_s_hands_is_held_for_its_run_too() -> None:
    stage = Stage.with_live("1")

    def taken() -> None:
        for _ in range(60):
            stage.cluster.tick(0.2)
        stage.cluster.requests_per_s = 1.0
        manual.resume(stage.world("the next"), NAME)

    outcome = run(
        replace(stage.world(), report=AtTheSplit(stage, taken)),
        request("2", replace(STEPS, max_seconds=20)),
    )
    assert outcome.kind == "held"
    assert "kanarya rollout resume iris" in outcome.reason


@pytest.mark.parametrize("decide", END)
def test_what_a_person_ended_before_another_version_began_is_told_from_the_ledger(
    decide: Decide,
) -> None:
    stage = Stage.with_live("1")

    def decided() -> None:
        decide(stage.world(PERSON), NAME)
        assert stage.run("3", holder="the next run").kind == "promoted"

    outcome = followed(stage, decided)
    assert (outcome.kind, outcome.version) == (END[decide][0], "2")
    assert "by hand" in outcome.reason
    assert "conflict" not in stage.ledger.kinds("2")
    assert stage.live() == {uri("3"): 100}


def test_another_version_that_clears_a_silent_rollout_away_is_a_conflict() -> None:
    stage = Stage.with_live("1")
    outcome = followed(stage, lambda: stage.run("3", holder="a rival"))
    assert outcome.kind == "conflict"
    assert "version 3" in outcome.reason and "a rival" in outcome.reason


def test_a_change_by_hand_ends_the_following_too() -> None:
    stage = Stage.with_live("1")

    def meddled() -> None:
        with pytest.raises(Killed):
            manual.promote(mortal(stage.world(PERSON), Fuse(at=5)), NAME)
        view = stage.cluster.get(NAME)
        state = rollout_of(view) if view else None
        assert state is not None and state.phase is Phase.PROMOTING
        stage.cluster.patch(NAME, {"spec": {"predictor": {"canaryTrafficPercent": 77}}})

    before = stage.cluster.now
    outcome = followed(stage, meddled)
    assert outcome.kind == "conflict"
    assert "is 77 %" in outcome.reason
    assert stage.cluster.now < before + LEASE_S, "nobody had to be waited for"
