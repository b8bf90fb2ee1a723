"""What a story needs to be played: a cluster in one of KServe's modes, and models to bring there.

Four grounds obey it: the model of each mode in memory, the local control plane in each mode, and a
cluster that the environment names. What is counted of the traffic is made up everywhere alike
(`PacedSource`), since these stories are about drivers: who judges real traffic is tested elsewhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from serving.isvc.drivers import driver_for
from serving.isvc.modes import Mode
from serving.isvc.resource import ServiceView
from serving.rollout.observation import Counts, NotMeasured, Observation
from serving.rollout.outcome import Event, Outcome, Request
from serving.rollout.policy import Policy
from serving.rollout.state import live_version
from serving.rollout.world import World

How = Literal["good", "bad", "damaged", "stuck"]
BOUNDS = (0.005, 0.01, float("inf"))


class Ground(Protocol):
    """One service, not yet made, on one cluster."""

    name: str
    mode: Mode
    policy: Policy
    tells_failures: bool

    def uri(self, version: str, how: How = "good") -> str:
        """Where a model is that does so: `bad` answers with errors, `stuck` is never ready."""

    def world(self, holder: str = "first", heard: Callable[[Event], None] | None = None) -> World:
        """A world in which a silent holder has just lost its lease."""

    def patch(self, patch: Mapping[str, Any]) -> None:
        """Change the service by hand."""

    def settle(self) -> None:
        """Let the controller look once more."""


@dataclass
class Play:
    """The stories' own words, the same on every ground."""

    ground: Ground
    versions: dict[str, str] = field(default_factory=dict)
    heard: list[Event] = field(default_factory=list)

    def request(self, version: str, how: How = "good", policy: Policy | None = None) -> Request:
        uri = self.versions.setdefault(version, self.ground.uri(version, how))
        return Request(self.ground.name, version, uri, policy or self.ground.policy)

    def world(self, holder: str = "first", heard: Callable[[Event], None] | None = None) -> World:
        return self.ground.world(holder, heard or self.heard.append)

    def run(self, version: str, how: How = "good", policy: Policy | None = None) -> Outcome:
        from serving.rollout.begin import run

        return run(self.world(), self.request(version, how, policy))

    def impatient(self) -> Policy:
        """The ground's policy, for canaries that never come up."""
        return replace(self.ground.policy, ready_timeout_s=3)

    def view(self) -> ServiceView:
        found = self.world().find(self.ground.name)
        assert found is not None
        return found

    def live(self) -> str | None:
        """The version that has all of the traffic; None while two have a share."""
        self.ground.settle()
        view = self.view()
        split = {name: share for name, share in driver_for(view).live_split(view).items() if share}
        return live_version(view) if split == {view.rolled_out: 100} else None

    def splits(self) -> list[int | None]:
        return [event.percent for event in self.heard if event.kind == "split"]


class PacedSource:
    """Counters that grow by each look with what the live split gives each revision."""

    def __init__(self, per_look: int = 20_000) -> None:
        self.per_look = per_look
        self.bad: set[str] = set()
        self.counted: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()

    def observe(self, view: ServiceView, now: float) -> Observation | NotMeasured:
        driver = driver_for(view)
        newest = {driver.canary_revision(view): driver.requested(view)[0]}
        for revision, percent in driver.live_split(view).items():
            requests = self.per_look * percent // 100
            self.counted[revision] += requests
            self.failed[revision] += requests // 2 if newest.get(revision) in self.bad else 0
        return Observation(1.0, now, {name: self._counts(name) for name in self.counted})

    def _counts(self, name: str) -> Counts:
        counted = self.counted[name]
        return Counts(counted, self.failed[name], (counted, 0, 0), BOUNDS)
