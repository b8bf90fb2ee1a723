"""Two rollouts, or a rollout and a person: exactly one goes on, the other touches nothing."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from serving.isvc.resource import ROLLOUT
from serving.rollout import manual
from serving.rollout.begin import run
from serving.rollout.outcome import Event, Outcome
from serving.rollout.state import rollout_of
from tests.serving.rollout.stage import NAME, STEPS, Stage, request, uri

PROMPT = replace(STEPS, steps=(50, 100), min_requests=10)


@dataclass
class Scheduler:
    """Runs threads strictly one at a time; `rng` picks who makes the next effect."""

    stage: Stage
    rng: random.Random
    turn: threading.Condition = field(default_factory=threading.Condition)
    wakes: dict[str, float] = field(default_factory=dict)
    running: str = ""

    def wait(self, me: str, seconds: float = 0.0) -> None:
        """Give the turn away, for at least `seconds` of the cluster's time."""
        with self.turn:
            self.wakes[me] = self.stage.cluster.now + seconds
            self._next()
            while self.running != me:
                self.turn.wait()

    def leave(self, me: str) -> None:
        with self.turn:
            del self.wakes[me]
            self._next()

    def _next(self) -> None:
        if not self.wakes:
            return None
        now = self.stage.cluster.now
        ready = sorted(name for name, at in self.wakes.items() if at <= now)
        if not ready:
            self.stage.cluster.tick(min(self.wakes.values()) - now)
            return self._next()
        self.running = self.rng.choice(ready)
        self.turn.notify_all()
        return None


class Yielding:
    """A part of the world that gives the turn away before every call."""

    def __init__(self, whole: Any, pause: Callable[[], None]) -> None:
        self._whole, self._pause = whole, pause

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._whole, name)
        if not callable(found):
            return found

        def call(*args: Any) -> Any:
            self._pause()
            return found(*args)

        return call


def race(stage: Stage, seed: int, versions: tuple[str, ...]) -> dict[str, Outcome]:
    scheduler = Scheduler(stage, random.Random(seed))
    outcomes: dict[str, Outcome] = {}

    def compete(version: str) -> None:
        scheduler.wait(version)
        world = replace(
            stage.world(f"process of {version}"),
            services=Yielding(stage.cluster, lambda: scheduler.wait(version)),
            recorder=Yielding(stage.recorder, lambda: scheduler.wait(version)),
            sleep=lambda seconds: scheduler.wait(version, seconds),
        )
        try:
            outcomes[version] = run(world, request(version, PROMPT))
        finally:
            scheduler.leave(version)

    scheduler.wakes.update(dict.fromkeys(versions, stage.cluster.now))
    scheduler.running = ""
    threads = [threading.Thread(target=compete, args=(version,)) for version in versions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return outcomes


@pytest.mark.thorough
@pytest.mark.parametrize("existing", [False, True], ids=["no service yet", "a live service"])
def test_of_two_racing_rollouts_exactly_one_is_promoted(existing: bool) -> None:
    for seed in range(60):
        stage = Stage.with_live("1") if existing else Stage()
        outcomes = race(stage, seed, ("2", "3"))
        kinds = {version: outcome.kind for version, outcome in outcomes.items()}
        assert sorted(kinds.values()) == ["conflict", "promoted"], (seed, outcomes)
        winner = next(version for version, kind in kinds.items() if kind == "promoted")
        loser = outcomes["3" if winner == "2" else "2"]
        assert stage.live() == {uri(winner): 100}
        assert f"version {winner} is being rolled out" in loser.reason
        assert set(stage.recorder.written) - {"1"} == {winner}
        uris = [p["spec"]["predictor"].get("model") for p in stage.cluster.patches if "spec" in p]
        assert {"storageUri": uri(loser.version)} not in uris


def test_both_winners_are_seen_in_the_races() -> None:
    winners = set()
    for seed in range(20):
        outcomes = race(Stage.with_live("1"), seed, ("2", "3"))
        winners |= {version for version, outcome in outcomes.items() if outcome.kind == "promoted"}
    assert winners == {"2", "3"}


HAND_MADE = [
    pytest.param({"spec": {"predictor": {"canaryTrafficPercent": 77}}}, "is 77 %", id="percent"),
    pytest.param({"spec": {"predictor": {"canaryTrafficPercent": None}}}, "not set", id="promoted"),
    pytest.param(
        {"spec": {"predictor": {"model": {"storageUri": "file:///mine"}}}}, "file:///mine", id="uri"
    ),
    pytest.param(
        {"metadata": {"annotations": {ROLLOUT: None}}}, "annotation away", id="annotation"
    ),
]


@pytest.mark.parametrize(("patch", "said"), HAND_MADE)
def test_a_change_by_hand_wins_and_the_rollout_touches_nothing(
    patch: dict[str, Any], said: str
) -> None:
    stage = Stage.with_live("1")
    made: list[int] = []

    def interfere(event: Event) -> None:
        if event.kind == "split" and event.percent == 50:
            stage.cluster.patch(NAME, patch)
            made.append(len(stage.cluster.patches))

    outcome = run(replace(stage.world(), report=interfere), request("2"))
    assert outcome.kind == "conflict"
    assert said in outcome.reason
    assert len(stage.cluster.patches) == made[0]
    assert "2" not in stage.recorder.written


def test_a_service_deleted_under_a_rollout_is_a_conflict() -> None:
    stage = Stage.with_live("1")

    def delete(event: Event) -> None:
        if event.kind == "split":
            stage.cluster.delete(NAME)

    outcome = run(replace(stage.world(), report=delete), request("2"))
    assert (outcome.kind, "was deleted" in outcome.reason) == ("conflict", True)


def test_a_label_set_by_somebody_is_no_conflict() -> None:
    stage = Stage.with_live("1")

    def label(event: Event) -> None:
        stage.cluster.patch(NAME, {"metadata": {"labels": {"team": event.kind}}})

    assert run(replace(stage.world(), report=label), request("2")).kind == "promoted"


def test_a_canary_made_by_hand_is_not_trampled() -> None:
    stage = Stage.with_live("1")
    hand = {"model": {"storageUri": "file:///mine"}, "canaryTrafficPercent": 10}
    stage.cluster.patch(NAME, {"spec": {"predictor": hand}})
    stage.cluster.tick(1)
    stage.cluster.tick(1)
    outcome = stage.run("2")
    assert outcome.kind == "conflict"
    assert "10 % of the traffic" in outcome.reason
    assert stage.live() == {uri("1"): 90, "file:///mine": 10}


def test_a_model_set_by_hand_is_the_stable_one_of_the_next_rollout() -> None:
    stage = Stage.with_live("1")
    stage.cluster.patch(NAME, {"spec": {"predictor": {"model": {"storageUri": "file:///mine"}}}})
    stage.cluster.tick(1)
    stage.cluster.tick(1)
    outcome = stage.run("2")
    assert outcome.kind == "promoted"
    view = stage.cluster.get(NAME)
    assert view is not None
    state = rollout_of(view)
    assert state is not None
    assert (state.from_version, state.stable) == (None, "iris-predictor-00002")


def test_a_held_rollout_is_not_pushed_aside_by_the_next_version() -> None:
    stage = Stage.held()
    outcome = stage.run("3")
    assert outcome.kind == "conflict"
    assert "version 2 is held at 10 %" in outcome.reason
    assert "kanarya rollout resume iris" in outcome.reason
    assert stage.live() == {uri("1"): 90, uri("2"): 10}


def test_a_living_rollout_cannot_be_resumed_beside_it() -> None:
    stage = Stage.with_live("1")
    beside: list[Outcome] = []

    def resume(event: Event) -> None:
        if event.kind == "split" and event.percent == 10:
            alive = replace(stage.world("beside"), sleep=live_on)
            beside.append(manual.resume(alive, NAME))

    def live_on(seconds: float) -> None:
        """The holder renews its lease meanwhile."""
        stage.cluster.tick(seconds)
        view = stage.cluster.get(NAME)
        assert view is not None
        state = rollout_of(view)
        assert state is not None
        renewed = replace(state, lease_until=stage.cluster.now + 10).to_json()
        stage.cluster.patch(NAME, {"metadata": {"annotations": {ROLLOUT: renewed}}})

    assert run(replace(stage.world(), report=resume), request("2")).kind == "promoted"
    assert beside[0].kind == "conflict"
    assert "run run-2, by first" in beside[0].reason


def test_a_platform_that_is_away_for_a_moment_is_waited_for() -> None:
    from serving.isvc.services import Unreachable

    stage = Stage.with_live("1")
    away_until = stage.cluster.now + 12

    class Away(Yielding):
        def __init__(self) -> None:
            super().__init__(stage.cluster, self.check)

        def check(self) -> None:
            if away_until - 8 < stage.cluster.now < away_until:
                raise Unreachable("cannot reach the Kubernetes API")

    assert run(replace(stage.world(), services=Away()), request("2")).kind == "promoted"
