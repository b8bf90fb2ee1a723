"""Kill the process around every write; whoever goes on ends at the same place.

test_every_effect.py does it to reads, waits and the shadow too, and lets them fail as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from serving.isvc.resource import ServiceView
from serving.rollout import manual
from serving.rollout.begin import run
from serving.rollout.outcome import Outcome
from serving.rollout.state import rollout_of
from serving.rollout.world import World
from tests.serving.rollout.fake_cluster import Behaviour
from tests.serving.rollout.fuse import Killed
from tests.serving.rollout.stage import NAME, Stage, request, uri


@dataclass
class Fuse:
    """Burns at the n-th effect: just before it, or just after it was made."""

    at: int
    after: bool
    burnt: int = 0

    def around(self, effect: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(*args: Any) -> Any:
            self.burnt += 1
            if self.burnt == self.at and not self.after:
                raise Killed
            result = effect(*args)
            if self.burnt == self.at:
                raise Killed
            return result

        return guarded


class Mortal:
    """Any of the world's parts, its writing methods on a fuse."""

    def __init__(self, whole: Any, fuse: Fuse, *effects: str) -> None:
        self._whole = whole
        for effect in effects:
            setattr(self, effect, fuse.around(getattr(whole, effect)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._whole, name)


def mortal(world: World, fuse: Fuse) -> World:
    return replace(
        world,
        services=Mortal(world.services, fuse, "create", "patch"),
        recorder=Mortal(world.recorder, fuse, "promoted", "rolled_back"),
        ledger=Mortal(world.ledger, fuse, "append"),
        holder="the one that is killed",
    )


def first_version() -> Stage:
    return Stage()


def good_version() -> Stage:
    return Stage.with_live("1")


def bad_version() -> Stage:
    stage = Stage.with_live("1")
    stage.cluster.behaviours[uri("2")] = Behaviour(error_rate=0.5)
    return stage


def broken_version() -> Stage:
    stage = Stage.with_live("1")
    stage.cluster.behaviours[uri("2")] = Behaviour(load_failure="no model.onnx")
    return stage


def broken_first_version() -> Stage:
    stage = Stage()
    stage.cluster.behaviours[uri("1")] = Behaviour(load_failure="no model.onnx")
    return stage


STORIES = [
    (first_version, "1", "promoted", {uri("1"): 100}),
    (good_version, "2", "promoted", {uri("2"): 100}),
    (bad_version, "2", "rolled_back", {uri("1"): 100}),
    (broken_version, "2", "rolled_back", {uri("1"): 100}),
    (broken_first_version, "1", "failed", {}),
]


def killed_runs(setting: Callable[[], Stage], version: str, after: bool) -> Iterator[Stage]:
    """One stage for every effect of the story, the process killed there."""
    for at in range(1, 200):
        stage = setting()
        try:
            run(mortal(stage.world(), Fuse(at, after)), request(version))
        except Killed:
            yield stage
        else:
            assert at > 3, "the story has more effects than that"
            return


def gone_on(stage: Stage, version: str) -> Outcome:
    """`kanarya rollout resume`, or the same run again where nothing had begun yet."""
    view: ServiceView | None = stage.cluster.get(NAME)
    state = rollout_of(view) if view else None
    if state is None or state.version != version:
        return run(stage.world("the next one"), request(version))
    return manual.resume(stage.world("the next one"), NAME)


@pytest.mark.parametrize("after", [False, True], ids=["before the effect", "after the effect"])
@pytest.mark.parametrize(("setting", "version", "kind", "live"), STORIES)
def test_a_resumed_rollout_ends_where_the_killed_one_would_have(
    setting: Callable[[], Stage], version: str, kind: str, live: dict[str, int], after: bool
) -> None:
    for stage in killed_runs(setting, version, after):
        assert gone_on(stage, version).kind == kind
        assert stage.live() == live
        verdict = "promoted" if kind == "promoted" else "rolled back"
        assert stage.recorder.written[version] == verdict
        assert {said for about, said in stage.recorder.calls if about == version} == {verdict}


@pytest.mark.thorough
@pytest.mark.parametrize("after", [False, True], ids=["before the effect", "after the effect"])
def test_the_next_version_clears_a_killed_rollout_away_and_goes_live(after: bool) -> None:
    for stage in killed_runs(good_version, "2", after):
        outcome = run(stage.world("the next one"), request("3"))
        assert outcome.kind == "promoted"
        assert stage.live() == {uri("3"): 100}
        view = stage.cluster.get(NAME)
        begun = view is not None and "2" in stage.recorder.written
        assert stage.recorder.written["3"] == "promoted"
        assert begun or stage.cluster.patches[0]["spec"]["predictor"]["model"]["storageUri"] == uri(
            "3"
        )


def test_the_same_run_started_again_goes_on_with_what_it_left() -> None:
    for stage in killed_runs(bad_version, "2", after=True):
        assert run(stage.world("the retry"), request("2")).kind in ("rolled_back",)
        assert stage.live() == {uri("1"): 100}
