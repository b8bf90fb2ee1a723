"""A clock that is set while a rollout goes on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from serving.isvc.resource import ServiceView
from serving.isvc.services import Unreachable
from serving.rollout.begin import run
from serving.rollout.lease import LEASE_S, abandoned, leased, renewal_due
from serving.rollout.state import Phase, Rollout, rollout_of
from serving.rollout.world import OUTAGE_S, RETRY_S
from tests.serving.rollout.fake_cluster import FakeCluster
from tests.serving.rollout.stage import NAME, STEPS, Stage, request, uri

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


def test_a_step_ends_in_its_time_though_the_clock_was_set_back() -> None:
    stage = Stage.with_live("1")
    stage.cluster.requests_per_s = 1.0
    began, clock = stage.cluster.now, Set(stage, Phase.OBSERVING, -1)
    ended = run(replace(stage.world(), clock=clock), request("2", replace(STEPS, max_seconds=30)))
    assert (ended.kind, clock.is_set) == ("held", True)
    assert stage.cluster.now - began < 60


def test_whoever_drives_shows_signs_of_life_though_the_clock_was_set_back() -> None:
    state = leased(state_of(Stage.held()), "me", 1000.0)
    moments = (1000.0, 1002.9, 1003.0, 999.0, 1000.0 - DAY)
    assert [renewal_due(state, now) for now in moments] == [False, False, True, True, True]


def test_whoever_waits_for_one_who_fell_silent_waits_a_lease_though_the_clock_is_set_back() -> None:
    stage = Stage.held()
    seen, began = state_of(stage), stage.cluster.now
    stage.cluster.now = seen.lease_until - LEASE_S / 2
    clock = iter([stage.cluster.now, *(stage.cluster.now - DAY + n / 2 for n in range(100))])
    assert abandoned(replace(stage.world("second"), clock=lambda: next(clock)), seen) is not None
    assert stage.cluster.now - began < 2 * LEASE_S


def test_a_server_that_is_away_is_not_waited_for_longer_though_the_clock_is_set_back() -> None:
    stage = Stage.with_live("1")
    clock = iter([0.0, *(n * RETRY_S - DAY for n in range(1000))])
    world = replace(stage.world(), services=Away(), clock=lambda: next(clock))
    with pytest.raises(Unreachable):
        world.find(NAME)
    assert next(clock) < 2 * OUTAGE_S - DAY


class Away(FakeCluster):
    def get(self, name: str) -> ServiceView | None:
        raise Unreachable("nobody there")


def state_of(stage: Stage) -> Rollout:
    view = stage.cluster.get(NAME)
    state = rollout_of(view) if view else None
    assert state is not None
    return state
