"""What a person does in the middle of a rollout, and a rollout that its process left there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from serving.rollout.begin import run
from serving.rollout.outcome import Event, Outcome
from tests.serving.rollout.fuse import Killed
from tests.serving.rollout.stage import Stage, request


class When:
    """Calls once, at the first event of a kind and percent; the rollout's own audience."""

    def __init__(self, kind: str, percent: int, act: Callable[[], object]) -> None:
        self.wanted, self.act, self.came = (kind, percent), act, False

    def __call__(self, event: Event) -> None:
        if (event.kind, event.percent) == self.wanted and not self.came:
            self.came = True
            self.act()


def played(stage: Stage, policy: Any, *audience: When) -> Outcome:
    def hear(event: Event) -> None:
        stage.events.append(event)
        for each in audience:
            each(event)

    outcome = run(replace(stage.world(), report=hear), request("2", policy))
    assert all(each.came for each in audience), stage.events
    return outcome


def abandoned(kind: str, percent: int, policy: Any) -> Stage:
    """A stage on which the process died at an event, and its lease has run out."""
    stage = Stage.with_live("1")

    def die(event: Event) -> None:
        if (event.kind, event.percent) == (kind, percent):
            raise Killed

    with pytest.raises(Killed):
        run(replace(stage.world("the dead one"), report=die), request("2", policy))
    for _ in range(60):
        stage.cluster.tick(0.2)
    return stage
