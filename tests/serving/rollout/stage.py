"""A cluster, a source, a registry, a ledger and a clock, ready for a rollout of `iris`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from serving.rollout.begin import run
from serving.rollout.outcome import Event, Outcome, Request
from serving.rollout.policy import Policy
from serving.rollout.state import Rollout, rollout_of
from serving.rollout.world import World
from tests.serving.rollout.fake_cluster import FakeCluster, FakeRecorder, FakeSource
from tests.serving.rollout.fake_ledger import FakeLedger
from tests.serving.rollout.fake_shadow import FakeShadow

NAME = "iris"
STEPS = Policy(steps=(10, 50, 100), min_requests=20, max_seconds=30, ready_timeout_s=20)


@dataclass
class Stage:
    cluster: FakeCluster = field(default_factory=FakeCluster)
    recorder: FakeRecorder = field(default_factory=FakeRecorder)
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.source = FakeSource(self.cluster)
        self.shadow = FakeShadow(self.cluster)
        self.ledger = FakeLedger(lambda: self.cluster.now)

    def world(self, holder: str = "first") -> World:
        return World(
            services=self.cluster,
            recorder=self.recorder,
            ledger=self.ledger,
            source=self.source,
            shadow=self.shadow,
            clock=lambda: self.cluster.now,
            sleep=self.cluster.tick,
            report=self.events.append,
            holder=holder,
        )

    def run(self, version: str, policy: Policy = STEPS, holder: str = "first") -> Outcome:
        return run(self.world(holder), request(version, policy))

    def live(self) -> dict[str, int]:
        self.cluster.tick(0.1)
        return self.cluster.live(NAME)

    @classmethod
    def with_live(cls, *versions: str) -> Stage:
        """A stage on which these versions (else version 1) were promoted, one after the other."""
        stage = cls()
        for version in versions or ("1",):
            assert stage.run(version).kind == "promoted"
        stage.events.clear()
        stage.cluster.patches.clear()
        stage.cluster.splits.clear()
        return stage

    @classmethod
    def held(cls) -> Stage:
        """A stage on which version 2 is held at 10 % beside version 1."""
        stage = cls.with_live("1")
        stage.cluster.requests_per_s = 1.0
        assert stage.run("2", replace(STEPS, max_seconds=5)).kind == "held"
        stage.cluster.requests_per_s = 1000.0
        return stage


def state_of(stage: Stage) -> Rollout:
    """The rollout as the service's annotation has it."""
    view = stage.cluster.get(NAME)
    assert view is not None
    state = rollout_of(view)
    assert state is not None
    return state


def uri(version: str) -> str:
    return f"file:///models/iris/{version}"


def request(version: str, policy: Policy = STEPS) -> Request:
    return Request(NAME, version, uri(version), policy, run_id=f"run-{version}")
