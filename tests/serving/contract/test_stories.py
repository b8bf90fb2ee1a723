"""The same stories on every ground: what holds for one of KServe's modes holds for the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from serving.isvc.modes import Mode
from serving.isvc.resource import ROLLOUT
from serving.rollout import manual
from serving.rollout.begin import run
from serving.rollout.outcome import Event, Outcome
from serving.rollout.state import rollout_of
from serving.rollout.undo import Wish, rollback
from tests.serving.contract.ground import Play
from tests.serving.rollout.test_kill import Fuse, Killed, mortal


def at_split(percent: int, deed: Callable[[], object]) -> Callable[[Event], None]:
    """Do it once, when the canary was just given so much."""
    done: list[object] = []

    def hear(event: Event) -> None:
        if event.kind == "split" and event.percent == percent and not done:
            done.append(None)
            deed()

    return hear


def test_the_first_version_makes_the_service_in_the_mode_that_is_asked_for(play: Play) -> None:
    outcome = play.run("1")
    assert (outcome.kind, outcome.live_version) == ("promoted", "1")
    assert (play.view().mode, play.live()) == (play.ground.mode, "1")


def test_a_good_version_climbs_the_steps_and_takes_over(with_live: Play) -> None:
    outcome = with_live.run("2")
    assert (outcome.kind, outcome.live_version) == ("promoted", "2"), outcome
    assert with_live.splits() == list(with_live.ground.policy.steps)
    assert with_live.live() == "2"


def test_each_promotion_is_the_stable_one_of_the_next_rollout(with_live: Play) -> None:
    assert with_live.run("2").kind == "promoted"
    outcome = with_live.run("3", "bad")
    assert (outcome.kind, outcome.live_version) == ("rolled_back", "2"), outcome
    assert with_live.live() == "2"


def test_a_bad_version_is_rolled_back_in_mid_canary_and_may_be_tried_again(
    with_live: Play,
) -> None:
    outcome = with_live.run("2", "bad")
    assert (outcome.kind, outcome.live_version) == ("rolled_back", "1"), outcome
    assert "error rate 50.0 % (canary" in outcome.reason
    assert with_live.live() == "1"
    with_live.ground.source.bad.clear()  # type: ignore[attr-defined]
    assert with_live.run("2").kind == "promoted"
    assert with_live.live() == "2"


def test_a_promotion_is_undone_and_made_again(with_live: Play) -> None:
    assert with_live.run("2").kind == "promoted"
    undone = rollback(with_live.world("a person"), with_live.ground.name, check=unchecked)
    assert (undone.kind, undone.version, undone.live_version) == ("rolled_back", "2", "1"), undone
    assert with_live.live() == "1"
    again = rollback(with_live.world(), with_live.ground.name, Wish(version="2"), unchecked)
    assert (again.kind, again.live_version) == ("rolled_back", "2"), again
    assert with_live.live() == "2"


def unchecked(uri: str, sha256: str) -> None:
    """Believe the bytes."""


def test_a_canary_that_is_never_ready_gets_nothing_and_is_taken_out(with_live: Play) -> None:
    outcome = with_live.run("2", "stuck", with_live.impatient())
    assert (outcome.kind, outcome.live_version) == ("rolled_back", "1"), outcome
    assert "no ready revision of version 2 after" in outcome.reason
    assert (with_live.splits(), with_live.live()) == ([], "1")
    assert with_live.run("3").kind == "promoted"
    assert with_live.live() == "3"


def test_a_model_that_cannot_be_loaded_gets_nothing_and_is_taken_out(with_live: Play) -> None:
    tells = with_live.ground.tells_failures
    outcome = with_live.run("2", "damaged", None if tells else with_live.impatient())
    assert (outcome.kind, outcome.live_version) == ("rolled_back", "1"), outcome
    said = "did not come up" if tells else "no ready revision"
    assert said in outcome.reason
    assert (with_live.splits(), with_live.live()) == ([], "1")


def test_a_first_version_that_fails_leaves_room_for_the_repaired_one(play: Play) -> None:
    outcome = play.run("1", "damaged")
    assert (outcome.kind, outcome.live_version) == ("failed", None), outcome
    assert play.run("2").kind == "promoted"
    assert play.live() == "2"


PERCENTS: dict[Mode, dict[str, Any]] = {
    Mode.KNATIVE: {"predictor": {"canaryTrafficPercent": 77}},
    Mode.STANDARD: {"canary": []},
}


@pytest.mark.parametrize("what", ["traffic", "uri", "annotation"])
def test_a_change_by_hand_wins_and_the_rollout_touches_nothing(with_live: Play, what: str) -> None:
    first = with_live.ground.policy.steps[0]
    changes = {
        "traffic": {"spec": PERCENTS[with_live.ground.mode]},
        "uri": {"spec": {"predictor": {"model": {"storageUri": with_live.ground.uri("9")}}}},
        "annotation": {"metadata": {"annotations": {ROLLOUT: None}}},
    }
    after: list[object] = []

    def interfere() -> None:
        with_live.ground.patch(changes[what])
        after.append(spec_of(with_live))

    world = with_live.world(heard=at_split(first, interfere))
    outcome = run(world, with_live.request("2"))
    assert outcome.kind == "conflict", outcome
    assert spec_of(with_live) == after[0]


def spec_of(play: Play) -> tuple[object, ...]:
    view = play.view()
    return view.generation, view.predictor, view.canaries, view.annotations.get(ROLLOUT)


def test_of_two_rollouts_one_goes_on_and_the_other_names_it(with_live: Play) -> None:
    """The first holder falls silent at its first split, so the rival clears it away."""
    beside: list[Outcome] = []

    def rival() -> None:
        beside.append(run(with_live.world("a rival"), with_live.request("3")))

    silent = at_split(with_live.ground.policy.steps[0], rival)
    outcome = run(with_live.world(heard=silent), with_live.request("2"))
    assert (outcome.kind, beside[0].kind) == ("conflict", "promoted"), (outcome, beside)
    assert "version 3" in outcome.reason and "a rival" in outcome.reason
    assert with_live.live() == "3"


@pytest.mark.parametrize("at", [2, 4, 6], ids="before effect {}".format)
def test_a_killed_rollout_is_carried_on_by_the_next_one(with_live: Play, at: int) -> None:
    with pytest.raises(Killed):
        run(mortal(with_live.world(), Fuse(at, after=False)), with_live.request("2"))
    view = with_live.view()
    state = rollout_of(view)
    if state is None or state.version != "2":
        outcome = run(with_live.world("the next one"), with_live.request("2"))
    else:
        outcome = manual.resume(with_live.world("the next one"), with_live.ground.name)
    assert (outcome.kind, outcome.live_version) == ("promoted", "2"), outcome
    assert with_live.live() == "2"
