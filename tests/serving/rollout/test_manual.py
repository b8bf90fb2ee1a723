"""What a person decides: go on, promote, abort, undo; and when each of them is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from serving.errors import NotFound, UsageError
from serving.rollout import manual
from serving.rollout.begin import run
from serving.rollout.outcome import Event, Outcome
from serving.rollout.world import World
from tests.serving.rollout.stage import NAME, Stage, request, uri


@pytest.mark.parametrize(
    ("decide", "kind", "live"),
    [
        (manual.resume, "promoted", {uri("2"): 100}),
        (manual.promote, "promoted", {uri("2"): 100}),
        (manual.abort, "rolled_back", {uri("1"): 100}),
    ],
)
def test_a_person_ends_a_held_rollout(
    decide: Callable[[World, str], Outcome], kind: str, live: dict[str, int]
) -> None:
    stage = Stage.held()
    assert decide(stage.world("a person"), NAME).kind == kind
    assert stage.live() == live
    assert stage.recorder.written["2"] == ("promoted" if kind == "promoted" else "rolled back")


@pytest.mark.parametrize(
    ("decide", "kind"), [(manual.abort, "rolled_back"), (manual.promote, "promoted")]
)
def test_a_persons_decision_beats_a_running_rollout(
    decide: Callable[[World, str], Outcome], kind: str
) -> None:
    stage = Stage.with_live("1")
    decided: list[Outcome] = []

    def step_in(event: Event) -> None:
        if event.kind == "split" and event.percent == 50 and not decided:
            decided.append(decide(stage.world("a person"), NAME))

    outcome = run(replace(stage.world(), report=step_in), request("2"))
    assert decided[0].kind == kind
    assert outcome == decided[0]
    assert "by hand" in outcome.reason


def test_decisions_on_what_has_ended_or_never_was_are_refused() -> None:
    stage = Stage.with_live("1")
    for decide in (manual.promote, manual.abort):
        with pytest.raises(UsageError, match="version 1 is promoted"):
            decide(stage.world(), NAME)
    assert manual.resume(stage.world(), NAME).kind == "promoted"
    with pytest.raises(NotFound, match="there is no service pine"):
        manual.resume(stage.world(), "pine")
