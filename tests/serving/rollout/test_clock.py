"""A clock that is set while a rollout goes on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from serving.rollout.begin import run
from serving.rollout.state import Phase, rollout_of
from tests.serving.rollout.stage import NAME, Stage, request, uri

DAY = 86_400.0


class Set:
    """The cluster's time until version 2 is in a phase; from then on so many days beside it."""

    def __init__(self, stage: Stage, phase: Phase, days: int) -> None:
        self._stage, self._phase, self._days, self.is_set = stage, phase, days, False

    def __call__(self) -> float:
        view = self._stage.cluster.get(NAME)
        state = rollout_of(view) if view else None
        self.is_set |= bool(state and state.version == "2" and state.phase is self._phase)
        return self._stage.cluster.now + self.is_set * self._days * DAY


@pytest.mark.parametrize("days", [1, -1, 3650, -3650])
@pytest.mark.parametrize("phase", [Phase.WAITING, Phase.OBSERVING, Phase.PROMOTING])
def test_a_clock_that_jumps_during_a_rollout_takes_nothing_live_away(
    days: int, phase: Phase
) -> None:
    stage = Stage.with_live("1")
    clock = Set(stage, phase, days)
    ended = run(replace(stage.world(), clock=clock), request("2"))
    assert clock.is_set
    if phase is Phase.WAITING and days > 0:  # for the clock its revision took a day to start
        assert ended.kind == "rolled_back"
        assert "no ready revision of version 2 after 20 s" in ended.reason
    else:
        assert ended.kind in ("promoted", "held")
    assert sum(stage.live().values()) == 100
    if ended.kind != "promoted":
        assert stage.live()[uri("1")] > 0
