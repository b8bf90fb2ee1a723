"""Real processes' worth of racing: threads, HTTP, the local API server; one winner every time."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from serving.isvc.resource import ROLLOUT, manifest
from serving.rollout.begin import run
from serving.rollout.outcome import Event, Outcome, Request
from serving.rollout.policy import Policy
from serving.rollout.state import rollout_of
from tests.serving.rollout.races import Arena, Meeting, arena

pytestmark = pytest.mark.e2e

RACES = range(40, 240)
BY_HAND = 40
AT_A_TIME = 6
POLICIES = (
    Policy(steps=(100,), ready_timeout_s=60),
    Policy(steps=(50, 100), min_requests=10, ready_timeout_s=60),
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    with arena(tmp_path_factory.mktemp("arena")) as found:
        yield found


def uri(version: str) -> str:
    return f"file:///models/{version}"


def live(place: Arena, name: str) -> None:
    """A service that somebody made by hand, with version 1 live."""
    body = manifest(name, "default", uri("1"), annotations={})
    place.client.create(body)
    for _ in range(2000):
        if place.view(name).rolled_out:
            return
        threading.Event().wait(0.005)
    raise AssertionError(f"{name} did not come up")


def raced(place: Arena, seed: int) -> tuple[str, dict[str, Outcome], dict[str, Any]]:
    """Two rollouts of one service that begin at the same time, each in a world of its own."""
    rng, name = random.Random(seed), f"race-{seed}"
    if rng.random() < 0.7:  # else it is there for nobody: who creates it has it
        live(place, name)
    policy, line = rng.choice(POLICIES), threading.Barrier(2)
    worlds = {}

    def compete(version: str, late_s: float, its_own: random.Random) -> Outcome:
        world = place.world(f"racer {version}", its_own)
        meeting = Meeting(world.services, world.holder, lambda: place.pretended.open(name))  # type: ignore[arg-type]
        worlds[version] = replace(world, services=meeting)
        line.wait(30)
        threading.Event().wait(late_s)
        return run(worlds[version], Request(name, version, uri(version), policy))

    with ThreadPoolExecutor(2) as pool:
        racers = {
            version: pool.submit(
                compete, version, rng.choice((0, rng.uniform(0, 0.02))), random.Random(rng.random())
            )
            for version in ("2", "3")
        }
        return name, {v: racer.result(60) for v, racer in racers.items()}, worlds


def check(place: Arena, name: str, outcomes: dict[str, Outcome], worlds: dict[str, Any]) -> str:
    """Exactly one was promoted; the other names it, and nothing anywhere is of its making."""
    kinds = {version: outcome.kind for version, outcome in outcomes.items()}
    assert sorted(kinds.values()) == ["conflict", "promoted"], outcomes
    winner = next(version for version, kind in kinds.items() if kind == "promoted")
    loser = "3" if winner == "2" else "2"
    assert f"version {winner} is being rolled out" in outcomes[loser].reason
    view = place.view(name)
    state = rollout_of(view)
    assert state is not None
    assert (state.version, view.storage_uri, view.canary_percent) == (winner, uri(winner), None)
    seen = {each["spec"]["predictor"]["model"]["storageUri"] for each in place.writes(name)}
    assert uri(loser) not in seen
    held = {json.loads(text)["version"] for each in place.writes(name) if (text := rollout(each))}
    assert held == {winner}
    chain = worlds[winner].ledger.chain(name)
    kinds_of_loser = [r.entry.kind for r in chain.records if r.entry.to.version == loser]
    assert kinds_of_loser in ([], ["begun", "conflict"])
    assert chain.holds(state.ledger)
    assert worlds[winner].recorder.written == {winner: "promoted"}
    assert worlds[loser].recorder.written == {}
    return winner


def rollout(written: dict[str, Any]) -> str | None:
    text: str | None = written["metadata"].get("annotations", {}).get(ROLLOUT)
    return text


@pytest.mark.parametrize("seeds", [range(40), pytest.param(RACES, marks=pytest.mark.slow)])
def test_of_two_racing_rollouts_one_wins_every_time(place: Arena, seeds: range) -> None:
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        races = pool.map(lambda seed: raced(place, seed), seeds)
        winners = Counter(check(place, *race) for race in races)
    assert sum(winners.values()) == len(seeds)
    assert min(winners["2"], winners["3"]) > 0, "both have won"


HANDS: list[dict[str, Any]] = [
    {"spec": {"predictor": {"canaryTrafficPercent": 77}}},
    {"spec": {"predictor": {"canaryTrafficPercent": None}}},
    {"spec": {"predictor": {"model": {"storageUri": "file:///mine"}}}},
    {"metadata": {"annotations": {ROLLOUT: None}}},
]


def meddled(place: Arena, seed: int) -> tuple[str, Outcome, Any, str]:
    """A rollout, and a hand that patches the service at some moment, as kubectl does."""
    rng, name = random.Random(seed), f"hand-{seed}"
    live(place, name)
    place.pretended.gates[name].set()
    patch, moment = rng.choice(HANDS), rng.choice(("begun", "split"))
    go = threading.Event()

    def hear(event: Event) -> None:
        if event.kind == moment:
            go.set()

    def meddle() -> str:
        assert go.wait(60)
        threading.Event().wait(rng.uniform(0, 0.05))
        return place.client.patch(name, patch).resource_version

    world = replace(place.world("racer 2", random.Random(seed)), report=hear)
    with ThreadPoolExecutor(1) as pool:
        hand = pool.submit(meddle)
        outcome = run(world, Request(name, "2", uri("2"), POLICIES[1]))
        return name, outcome, world, hand.result(60)


def check_by_hand(place: Arena, name: str, outcome: Outcome, world: Any, at: str) -> str:
    """Where the hand came before the end the rollout stopped, and has written nothing since."""
    after = [
        each for each in place.writes(name) if int(each["metadata"]["resourceVersion"]) >= int(at)
    ]
    specs = [each["spec"] for each in after]
    states = [rollout(each) for each in after]
    assert all(spec == specs[0] for spec in specs), (name, outcome)
    assert len(set(states)) == 1, (name, outcome, states)
    kinds = [record.entry.kind for record in world.ledger.chain(name).records]
    if outcome.kind == "conflict":
        assert "by hand" in outcome.reason or "took the rollout's annotation away" in outcome.reason
        assert kinds[-1] == "conflict" and "promoted" not in kinds
        assert world.recorder.written == {}
    else:
        assert outcome.kind == "promoted" and kinds[-1] == "promoted"
    return outcome.kind


def test_a_hand_made_patch_wins_whenever_it_comes_before_the_end(place: Arena) -> None:
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        found = pool.map(lambda seed: meddled(place, seed), range(BY_HAND))
        kinds = Counter(check_by_hand(place, *each) for each in found)
    assert kinds["conflict"] > BY_HAND / 2, kinds
