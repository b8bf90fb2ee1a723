"""The grounds that the stories are played on; which ones a run has is for conftest.py to say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from serving.isvc.modes import Mode
from serving.isvc.services import Services
from serving.rollout.lease import LEASE_S
from serving.rollout.ledger import Ledger
from serving.rollout.outcome import Event, Recorder
from serving.rollout.policy import Policy
from serving.rollout.world import World
from tests.serving.contract.ground import How, PacedSource
from tests.serving.rollout.fake_cluster import Behaviour, FakeCluster, FakeRecorder
from tests.serving.rollout.fake_ledger import FakeLedger
from tests.serving.rollout.fake_standard import StandardCluster

FAKES: dict[Mode, type[FakeCluster]] = {Mode.KNATIVE: FakeCluster, Mode.STANDARD: StandardCluster}


class InMemory:
    """The model of one mode; time passes when somebody sleeps."""

    def __init__(self, mode: Mode) -> None:
        self.name, self.mode, self.tells_failures = "iris", mode, mode is Mode.KNATIVE
        self.policy = Policy(steps=(10, 50, 100), max_seconds=30, ready_timeout_s=20)
        self.cluster = FAKES[mode]()
        self.recorder = FakeRecorder()
        self.ledger = FakeLedger(lambda: self.cluster.now)
        self.source = PacedSource()

    def uri(self, version: str, how: How = "good") -> str:
        uri = f"file:///models/iris/{version}"
        failure = "model.onnx: digest differs" if how == "damaged" else None
        loads = 1e9 if how == "stuck" else 1.0
        self.cluster.behaviours[uri] = Behaviour(load_s=loads, load_failure=failure)
        if how == "bad":
            self.source.bad.add(uri)
        return uri

    def world(self, holder: str = "first", heard: Callable[[Event], None] | None = None) -> World:
        return World(
            services=self.cluster,
            recorder=self.recorder,
            ledger=self.ledger,
            source=self.source,
            mode=self.mode,
            clock=lambda: self.cluster.now,
            sleep=self.cluster.tick,
            report=heard or (lambda event: None),
            holder=holder,
        )

    def patch(self, patch: Mapping[str, Any]) -> None:
        self.cluster.patch(self.name, patch)

    def settle(self) -> None:
        self.cluster.tick(0.1)


@dataclass
class Real:
    """A real API server, with real time; the clock of everybody but the first is a lease ahead."""

    name: str
    mode: Mode
    services: Services
    ledger: Ledger
    publish: Callable[[str, How], str]
    policy: Policy = field(
        default_factory=lambda: Policy(steps=(20, 100), max_seconds=30, ready_timeout_s=8)
    )
    tells_failures: bool = True
    recorder: Recorder = field(default_factory=FakeRecorder)
    source: PacedSource = field(default_factory=PacedSource)

    def uri(self, version: str, how: How = "good") -> str:
        uri = self.publish(version, how)
        if how == "bad":
            self.source.bad.add(uri)
        return uri

    def world(self, holder: str = "first", heard: Callable[[Event], None] | None = None) -> World:
        import time

        ahead = 0.0 if holder == "first" else LEASE_S
        return World(
            services=self.services,
            recorder=self.recorder,
            ledger=self.ledger,
            source=self.source,
            mode=self.mode,
            clock=lambda: time.time() + ahead,
            report=heard or (lambda event: None),
            holder=holder,
        )

    def patch(self, patch: Mapping[str, Any]) -> None:
        self.services.patch(self.name, patch)

    def settle(self) -> None:
        """Wait for nothing: an outcome is told when the split is live."""
