"""Refused patches, lost answers, long waits: what happens between a look and a write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from serving.isvc.resource import ROLLOUT
from serving.isvc.services import Unreachable
from serving.rollout.begin import run
from serving.rollout.outcome import Event
from serving.rollout.state import rollout_of
from tests.serving.rollout.fake_cluster import FakeCluster
from tests.serving.rollout.fuse import Killed
from tests.serving.rollout.stage import NAME, STEPS, Stage, request, uri


class Between:
    """A cluster on which something happens around every write."""

    def __init__(self, cluster: FakeCluster, around: Callable[..., Any]) -> None:
        self._cluster = cluster
        self._around = around

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cluster, name)

    def create(self, *args: Any) -> Any:
        return self._around(self._cluster.create, *args)

    def patch(self, *args: Any) -> Any:
        return self._around(self._cluster.patch, *args)


def played(stage: Stage, around: Callable[..., Any], version: str = "2") -> str:
    services = Between(stage.cluster, around)
    return run(replace(stage.world(), services=services), request(version)).kind


@pytest.mark.parametrize("existing", [False, True], ids=["no service yet", "a live service"])
def test_an_answer_that_is_lost_is_looked_up(existing: bool) -> None:
    stage = Stage.with_live("1") if existing else Stage()
    calls: list[object] = []

    def lose_the_answer(write: Callable[..., Any], *args: Any) -> Any:
        calls.append(args)
        done = write(*args)
        if len(calls) % 2:
            raise Unreachable("cannot reach the Kubernetes API")
        return done

    assert played(stage, lose_the_answer) == "promoted"
    assert stage.recorder.written["2"] == "promoted"
    uris = [p["spec"]["predictor"].get("model") for p in stage.cluster.patches if "spec" in p]
    assert len([found for found in uris if found]) == int(existing)


@pytest.mark.parametrize("existing", [False, True], ids=["no service yet", "a live service"])
def test_a_write_that_never_arrived_is_made_again(existing: bool) -> None:
    stage = Stage.with_live("1") if existing else Stage()
    calls: list[object] = []

    def drop(write: Callable[..., Any], *args: Any) -> Any:
        calls.append(args)
        if len(calls) % 2:
            raise Unreachable("cannot reach the Kubernetes API")
        return write(*args)

    assert played(stage, drop) == "promoted"


def test_a_write_refused_since_a_label_was_set_meanwhile_is_made_again() -> None:
    stage = Stage.with_live("1")
    calls: list[object] = []

    def label_first(write: Callable[..., Any], *args: Any) -> Any:
        calls.append(args)
        if len(calls) % 2:
            stage.cluster.patch(NAME, {"metadata": {"labels": {"n": str(len(calls))}}})
        return write(*args)

    assert played(stage, label_first) == "promoted"


def test_a_platform_that_stays_away_ends_in_one_error_and_can_be_resumed() -> None:
    from serving.rollout import manual

    stage = Stage.with_live("1")
    away: list[bool] = []

    class Gone:
        def __getattr__(self, name: str) -> Any:
            return getattr(stage.cluster, name)

        def get(self, name: str) -> Any:
            if away:
                raise Unreachable("cannot reach the Kubernetes API")
            return stage.cluster.get(name)

    def unplug(event: Event) -> None:
        if event.kind == "split":
            away.append(True)

    with pytest.raises(Unreachable):
        run(replace(stage.world(), services=Gone(), report=unplug), request("2"))  # type: ignore[arg-type]
    assert manual.resume(stage.world("a person"), NAME).kind == "promoted"


def test_a_platform_that_is_down_at_the_start_is_told_at_once() -> None:
    stage = Stage()
    began = stage.cluster.now

    class Down:
        namespace = "test"

        def get(self, name: str) -> Any:
            raise Unreachable("cannot reach the Kubernetes API")

    with pytest.raises(Unreachable):
        run(replace(stage.world(), services=Down()), request("1"))  # type: ignore[arg-type]
    assert stage.cluster.now == began


def test_the_lease_is_renewed_while_nothing_else_happens() -> None:
    stage = Stage.with_live("1")
    stage.cluster.requests_per_s = 0.0
    left: list[float] = []

    def sleep(seconds: float) -> None:
        stage.cluster.tick(seconds)
        view = stage.cluster.get(NAME)
        assert view is not None
        state = rollout_of(view)
        assert state is not None
        left.append(state.lease_until - stage.cluster.now)

    assert run(replace(stage.world(), sleep=sleep), request("2")).kind == "held"
    assert len(left) > 50
    assert min(left) > 5
    assert len(stage.cluster.patches) < 20


def killed_when(stage: Stage, percent: int) -> None:
    """A rollout of version 2 whose process dies once it asked for `percent`."""

    def die(event: Event) -> None:
        if event.kind == "split" and event.percent == percent:
            raise Killed

    with pytest.raises(Killed):
        run(replace(stage.world("the dead one"), report=die), request("2"))


def test_an_abandoned_promotion_is_finished_not_undone() -> None:
    stage = Stage.with_live("1")
    killed_when(stage, 100)
    assert stage.run("3", holder="the next one").kind == "promoted"
    assert stage.recorder.written == {"1": "promoted", "2": "promoted", "3": "promoted"}


def test_an_abandoned_canary_is_undone_before_the_next_one_begins() -> None:
    stage = Stage.with_live("1")
    killed_when(stage, 50)
    stage.cluster.splits.clear()
    assert stage.run("3", holder="the next one").kind == "promoted"
    assert stage.recorder.written == {"1": "promoted", "2": "rolled back", "3": "promoted"}
    old, canary, new = (f"iris-predictor-{n:05}" for n in (1, 2, 3))
    assert stage.cluster.splits[1] == {old: 100, canary: 0}
    assert all(split[canary] == 0 for split in stage.cluster.splits if new in split)


def test_a_canary_that_a_person_finished_is_neither_waited_for_nor_undone() -> None:
    stage = Stage.with_live("1")
    killed_when(stage, 50)
    stage.cluster.patch(NAME, {"spec": {"predictor": {"canaryTrafficPercent": None}}})
    stage.cluster.tick(0.1)
    outcome = stage.run("3", replace(STEPS, min_requests=10), holder="the next one")
    assert outcome.kind == "promoted"
    view = stage.cluster.get(NAME)
    assert view is not None
    state = rollout_of(view)
    assert state is not None
    assert (state.from_version, state.from_uri) == ("2", uri("2"))
    assert "2" not in stage.recorder.written


def test_an_abandoned_rollout_is_given_its_lease_before_it_is_taken_over() -> None:
    stage = Stage.with_live("1")
    killed_when(stage, 50)
    view = stage.cluster.get(NAME)
    assert view is not None and ROLLOUT in view.annotations
    state = rollout_of(view)
    assert state is not None
    taken: list[float] = []

    def note(event: Event) -> None:
        taken.append(stage.cluster.now)

    run(replace(stage.world("the next one"), report=note), request("3"))
    assert taken[0] >= state.lease_until


def refusing(why: str, stage: Stage, since: str = "") -> Callable[..., Any]:
    """Refuse every write, or those after an event of a kind."""

    def refuse(write: Callable[..., Any], *args: Any) -> Any:
        if not since or any(event.kind == since for event in stage.events):
            raise Unreachable(why)
        return write(*args)

    return refuse


@pytest.mark.parametrize("since", ["", "split"], ids=["from the start", "in the middle"])
def test_writes_that_are_refused_for_long_end_in_one_sentence_that_says_why(since: str) -> None:
    stage = Stage.with_live("1")
    began = stage.cluster.now
    services = Between(stage.cluster, refusing("failed calling webhook.", stage, since))
    ended = run(replace(stage.world(), services=services), request("2"))  # type: ignore[arg-type]
    assert (ended.kind, stage.live()[uri("1")] >= 50) == ("failed", True)
    assert "no change of it could be made (failed calling webhook); mend that" in ended.reason
    assert stage.cluster.now - began < 200
    assert stage.recorder.written == {"1": "promoted"}


def test_writes_that_were_refused_for_a_minute_are_made_at_last() -> None:
    stage = Stage.with_live("1")

    def refuse(write: Callable[..., Any], *args: Any) -> Any:
        split = [e for e in stage.events if e.kind == "split"]
        if split and stage.cluster.now < until.setdefault("split", stage.cluster.now + 60):
            raise Unreachable("failed calling webhook")
        return write(*args)

    until: dict[str, float] = {}
    assert played(stage, refuse) == "promoted"


@pytest.mark.parametrize("decide", ["promote", "abort", "hold", "resume"])
def test_a_decision_that_is_refused_for_long_ends_in_one_sentence(decide: str) -> None:
    from serving.rollout import manual

    stage = Stage.held() if decide != "hold" else Stage.with_live("1")
    if decide == "hold":
        killed_when(stage, 50)
    stage.events.clear()
    services = Between(stage.cluster, refusing("failed calling webhook", stage))
    world = replace(stage.world("a person"), services=services)  # type: ignore[arg-type]
    began, before = stage.cluster.now, stage.live()
    ended = getattr(manual, decide)(world, NAME)
    assert ended.kind in ("failed", "conflict")
    assert stage.cluster.now - began < 200
    assert stage.live() == before
