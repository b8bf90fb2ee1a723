"""Steps that a person approves, and pauses that a person makes: who goes on, and with what."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from serving.errors import UsageError
from serving.isvc.resource import ROLLOUT
from serving.isvc.services import Unreachable
from serving.rollout import manual
from serving.rollout.begin import run
from serving.rollout.outcome import Event, Outcome
from serving.rollout.state import Phase
from serving.rollout.world import World
from tests.serving.rollout import stage as common
from tests.serving.rollout.fake_cluster import Behaviour
from tests.serving.rollout.persons import When, abandoned, played
from tests.serving.rollout.stage import NAME, Stage, request, state_of, uri
from tests.serving.rollout.test_outages import Between

Decide = Callable[[World, str], Outcome]
STEPS = replace(common.STEPS, max_seconds=5)
APPROVED = replace(STEPS, approve=(50, 100))


def test_a_person_lets_it_into_each_step_that_asks_and_the_same_process_goes_on() -> None:
    stage = Stage.with_live("1")
    said: list[Outcome] = []

    def approve() -> None:
        said.append(manual.approve(stage.world("a person"), NAME))

    ask_50, ask_100 = When("asks", 10, approve), When("asks", 50, approve)
    assert played(stage, APPROVED, ask_50, ask_100).kind == "promoted"
    assert [outcome.kind for outcome in said] == ["under_way", "under_way"]
    assert said[0].reason == "version 2 is observing, by first"
    assert state_of(stage).holder == "first"
    assert stage.ledger.kinds("2") == [
        "begun",
        "split",
        "awaiting_approval",
        "approved",
        "awaiting_approval",
        "promoting",
        "promoted",
    ]
    assert state_of(stage).reason == "version 2 was good at 10 %, 50 %, and a person approved it"


def test_the_first_step_may_ask_as_well_after_the_shadow() -> None:
    stage = Stage.with_live("1")
    careful = replace(STEPS, approve=(10,), shadow_requests=10)
    approve = When("asks", 0, lambda: manual.approve(stage.world("a person"), NAME))
    assert played(stage, careful, approve).kind == "promoted"
    assert stage.cluster.splits[0] == {"iris-predictor-00001": 100, "iris-predictor-00002": 0}


def test_a_canary_that_turns_bad_while_a_person_is_waited_for_is_rolled_back() -> None:
    stage = Stage.with_live("1")

    def turn_bad() -> None:
        stage.cluster.behaviours[uri("2")] = Behaviour(error_rate=0.5)

    outcome = played(stage, APPROVED, When("asks", 10, turn_bad))
    assert (outcome.kind, stage.live()) == ("rolled_back", {uri("1"): 100})
    assert "error rate" in outcome.reason


def test_a_canary_whose_process_breaks_while_a_person_is_waited_for_is_rolled_back() -> None:
    stage = Stage.with_live("1")

    def fail() -> None:
        stage.cluster.behaviours[uri("2")] = Behaviour(load_failure="out of memory")

    outcome = played(stage, replace(STEPS, approve=(10,)), When("asks", 0, fail))
    assert (outcome.kind, stage.live()) == ("rolled_back", {uri("1"): 100})


@pytest.mark.parametrize(
    ("policy", "kind"), [("hold", "held"), ("promote", "held"), ("abort", "rolled_back")]
)
def test_what_nobody_approves_is_never_entered(policy: Any, kind: str) -> None:
    stage = Stage.with_live("1")
    outcome = stage.run("2", replace(APPROVED, on_inconclusive=policy))
    assert outcome.kind == kind
    assert "nobody approved 50 % within 5 s" in outcome.reason
    assert [e.percent for e in stage.events if e.kind == "split"] == [10]
    assert (state_of(stage).asking == 50) == (kind == "held")


@pytest.mark.parametrize(
    ("decide", "kind"),
    [(manual.approve, "promoted"), (manual.promote, "promoted"), (manual.abort, "rolled_back")],
)
def test_an_approval_that_comes_late_carries_the_rollout_on_itself(
    decide: Decide, kind: str
) -> None:
    stage = Stage.with_live("1")
    assert stage.run("2", replace(STEPS, approve=(50,))).kind == "held"
    assert "`approve` 50 %" in state_of(stage).reason
    assert decide(stage.world("a person"), NAME).kind == kind


def test_resuming_what_waits_for_approval_asks_again() -> None:
    stage = Stage.with_live("1")
    assert stage.run("2", APPROVED).kind == "held"
    outcome = manual.resume(stage.world("a person"), NAME)
    assert outcome.kind == "held"
    assert "nobody approved 50 %" in outcome.reason


def test_a_pause_keeps_the_split_until_it_is_resumed() -> None:
    stage = Stage.with_live("1")
    paused_at: list[float] = []

    def pause(event: Event) -> None:
        if event.kind == "split" and event.percent == 10 and not paused_at:
            assert manual.hold(stage.world("a person"), NAME).kind == "under_way"
            assert state_of(stage).phase is Phase.PAUSED
            paused_at.append(stage.cluster.now)

    def sleep(seconds: float) -> None:
        stage.cluster.tick(seconds)
        is_over = bool(paused_at) and stage.cluster.now > paused_at[0] + 3
        if is_over and state_of(stage).phase is Phase.PAUSED:
            assert stage.cluster.live(NAME) == {uri("1"): 90, uri("2"): 10}
            assert manual.resume(stage.world("a person"), NAME).kind == "under_way"

    world = replace(stage.world(), report=pause, sleep=sleep)
    assert run(world, request("2", STEPS)).kind == "promoted"
    assert stage.cluster.now > paused_at[0] + 3
    assert stage.ledger.kinds("2")[1:5] == ["split", "paused", "resumed", "split"]
    held = next(r.entry for r in stage.ledger.records if r.entry.kind == "paused")
    assert held.why.startswith("held by ")


def test_a_canary_that_turns_bad_in_a_pause_is_rolled_back() -> None:
    stage = Stage.with_live("1")

    def pause() -> None:
        manual.hold(stage.world("a person"), NAME)
        stage.cluster.behaviours[uri("2")] = Behaviour(error_rate=0.5)

    outcome = played(stage, STEPS, When("split", 50, pause))
    assert (outcome.kind, stage.live()) == ("rolled_back", {uri("1"): 100})


def test_a_pause_that_nobody_ends_becomes_a_hold() -> None:
    stage = Stage.with_live("1")
    pause = When("split", 10, lambda: manual.hold(stage.world("a person"), NAME))
    outcome = played(stage, STEPS, pause)
    assert outcome.kind == "held"
    assert re.match(r"held by \S+ for 5 s; go on with", outcome.reason)
    assert outcome.reason.count("go on with") == 1
    assert stage.live() == {uri("1"): 90, uri("2"): 10}
    assert manual.resume(stage.world("a person"), NAME).kind == "promoted"


def test_holding_what_nobody_carries_on_is_a_hold() -> None:
    stage = abandoned("split", 10, STEPS)
    assert manual.hold(stage.world("a person"), NAME).kind == "held"
    assert state_of(stage).phase is Phase.HELD
    assert manual.resume(stage.world("a person"), NAME).kind == "promoted"


def test_approving_what_nobody_carries_on_carries_it_on() -> None:
    stage = abandoned("asks", 10, replace(STEPS, approve=(50,)))
    assert manual.approve(stage.world("a person"), NAME).kind == "promoted"


@pytest.mark.parametrize("decide", [manual.approve, manual.hold], ids=["approve", "hold"])
def test_a_decision_whose_answer_was_lost_was_made(decide: Decide) -> None:
    at = "asks" if decide is manual.approve else "split"
    stage = Stage.with_live("1")

    def lost(patch: Callable[..., Any], *args: Any) -> Any:
        patch(*args)
        raise Unreachable("cannot reach the Kubernetes API")

    def person() -> None:
        services = Between(stage.cluster, lost)
        assert decide(replace(stage.world("a person"), services=services), NAME).kind == "under_way"

    policy = replace(STEPS, approve=(50,))
    wanted = "promoted" if decide is manual.approve else "held"
    assert played(stage, policy, When(at, 10, person)).kind == wanted


def test_the_next_version_does_not_push_aside_what_waits_for_a_person() -> None:
    stage = abandoned("asks", 10, APPROVED)
    outcome = stage.run("3")
    assert outcome.kind == "conflict"
    assert "version 2 is awaiting approval at 10 % and waits for a person" in outcome.reason
    assert stage.live() == {uri("1"): 90, uri("2"): 10}


def test_the_same_version_run_again_waits_for_the_person_too() -> None:
    stage = abandoned("asks", 10, APPROVED)
    outcome = stage.run("2", APPROVED, holder="the retry")
    assert outcome.kind == "held"
    assert "nobody approved 50 %" in outcome.reason


PHASES = (
    Phase.WAITING,
    Phase.SHADOWING,
    Phase.OBSERVING,
    Phase.APPROVAL,
    Phase.PAUSED,
    Phase.HELD,
    Phase.PROMOTING,
    Phase.ROLLING_BACK,
    Phase.PROMOTED,
    Phase.ROLLED_BACK,
)


#                  wait shad obs  appr paus held prom back over over
TABLE: dict[Decide, str] = {
    manual.hold: "    x    x    x    .    .    .    .    .    .    .",
    manual.approve: " .    .    .    x    .    ?    .    .    .    .",
    manual.promote: " .    x    x    x    x    x    .    .    .    .",
    manual.abort: "   x    x    x    x    x    x    .    .    .    .",
    manual.resume: "  x    x    x    x    x    x    x    x    =    =",
}
CELLS = [
    pytest.param(decide, phase, mark, id=f"{decide.__name__} {phase}")
    for decide, marks in TABLE.items()
    for phase, mark in zip(PHASES, marks.split(), strict=True)
]


def standing_at(phase: Phase, *, asking: bool) -> Stage:
    """A stage whose rollout of version 2 was left in a phase, its canary up."""
    before = phase in (Phase.WAITING, Phase.SHADOWING)
    stage = abandoned("begun", 0, STEPS) if before else abandoned("split", 10, STEPS)
    state = replace(
        state_of(stage),
        phase=phase,
        canary="iris-predictor-00002",
        asking=50 if asking else 0,
        percent=None if phase in (Phase.PROMOTING, Phase.PROMOTED) else state_of(stage).percent,
    )
    spec = {"predictor": {"canaryTrafficPercent": state.percent}}
    annotations = {ROLLOUT: state.to_json()}
    stage.cluster.patch(NAME, {"metadata": {"annotations": annotations}, "spec": spec})
    return stage


@pytest.mark.parametrize(("decide", "phase", "mark"), CELLS)
def test_what_a_person_may_decide_in_which_phase(decide: Decide, phase: Phase, mark: str) -> None:
    stage = standing_at(phase, asking=mark in "x?" and phase in (Phase.APPROVAL, Phase.HELD))
    if mark == ".":
        with pytest.raises(UsageError, match=f"version 2 is {phase.replace('_', ' ')}, so "):
            decide(stage.world("a person"), NAME)
        return
    outcome = decide(stage.world("a person"), NAME)
    assert outcome.kind != "conflict", outcome
    if mark == "=":
        assert outcome.kind == phase.value


def test_approving_what_is_held_for_another_reason_is_refused() -> None:
    stage = Stage.held()
    with pytest.raises(UsageError, match="version 2 is held, so nothing waits for an approval"):
        manual.approve(stage.world("a person"), NAME)
