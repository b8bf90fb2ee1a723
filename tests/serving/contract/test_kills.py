"""A kill after every effect in Standard mode; Knative mode has the same in test_kill.py.

Nothing is kept between two effects, so a kill after one of them is a kill before the next.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from serving.rollout import manual
from serving.rollout.undo import rollback
from tests.serving.rollout.fake_cluster import Behaviour
from tests.serving.rollout.fake_standard import StandardCluster
from tests.serving.rollout.stage import NAME, Stage, uri
from tests.serving.rollout.test_kill import Fuse, Killed, gone_on, killed_runs, mortal
from tests.serving.rollout.test_noting import state_of


def first_version() -> Stage:
    return Stage(StandardCluster())


def good_version() -> Stage:
    stage = first_version()
    assert stage.run("1").kind == "promoted"
    return stage


def bad_version() -> Stage:
    stage = good_version()
    stage.cluster.behaviours[uri("2")] = Behaviour(error_rate=0.5)
    return stage


def stuck_version() -> Stage:
    stage = good_version()
    stage.cluster.behaviours[uri("2")] = Behaviour(load_s=1e9)
    return stage


STORIES = [
    (first_version, "1", "promoted", {uri("1"): 100}),
    (good_version, "2", "promoted", {uri("2"): 100}),
    (bad_version, "2", "rolled_back", {uri("1"): 100}),
    (stuck_version, "2", "rolled_back", {uri("1"): 100}),
]


@pytest.mark.thorough
@pytest.mark.parametrize(("setting", "version", "kind", "live"), STORIES)
def test_a_resumed_rollout_ends_where_the_killed_one_would_have(
    setting: Callable[[], Stage], version: str, kind: str, live: dict[str, int]
) -> None:
    for stage in killed_runs(setting, version, after=True):
        assert gone_on(stage, version).kind == kind
        assert stage.live() == live
        verdict = "promoted" if kind == "promoted" else "rolled back"
        assert stage.recorder.written[version] == verdict


def test_whoever_goes_on_with_a_killed_rollback_ends_where_it_would_have() -> None:
    for at in range(1, 100):
        stage = good_version()
        stage.run("2")
        try:
            rollback(mortal(stage.world(), Fuse(at, after=True)), NAME)
        except Killed:
            pass
        else:
            assert at > 4, "a rollback has more effects than that"
            return
        if not state_of(stage).over:
            manual.resume(stage.world("the next one"), NAME)
        elif stage.live() == {uri("2"): 100}:
            rollback(stage.world("the next one"), NAME)
        assert stage.live() == {uri("1"): 100}


def test_no_request_goes_to_a_revision_that_is_not_ready_or_was_taken_out() -> None:
    stage = bad_version()
    stage.run("2")
    stage.cluster.splits.clear()
    assert stage.run("3").kind == "promoted"
    splits = [{k: v for k, v in each.items() if v} for each in stage.cluster.splits]
    assert all(sum(split.values()) == 100 for split in splits)
    assert [len(split) for split in splits] == [1, 2, 2, 1]


def test_a_promotion_restarts_no_pod_and_takes_the_old_stable_ones_away() -> None:
    stage = good_version()
    assert stage.run("2").kind == "promoted"
    assert isinstance(stage.cluster, StandardCluster)
    (left,) = stage.cluster.deployments[NAME].values()
    assert (left.uri, left.restarts) == (uri("2"), 0)
    assert sum(each.uri == uri("2") for each in stage.cluster.revisions[NAME]) == 1
