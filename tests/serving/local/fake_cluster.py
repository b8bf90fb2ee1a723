"""The real control plane over processes that are only written down: no port, no waiting."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from serving.local.admission import admitted
from serving.local.cluster import Cluster, Key
from serving.local.observed import READY, STARTING, STOPPED, Observed, Phase
from serving.local.patches import merge
from serving.local.reconciler import Reconciler
from serving.local.resources import INFERENCE_SERVICES
from serving.local.revisions import RevisionSpec
from serving.local.routes import Route
from serving.local.store import Store
from tests.serving.local.platform_kit import service

FAILED = Observed(Phase.FAILED, "ExitCode3", "ModelError: model.onnx is damaged", 3)
CRASHED = Observed(Phase.UNHEALTHY, "ExitCode137", "out of memory", 137)
PHASES = {"starting": STARTING, "ready": READY, "failed": FAILED, "crashed": CRASHED}
SETTLED_AFTER = 10
IRIS = Key("ml", "iris")


class FakeProcesses:
    """Runs nothing; a process is starting until somebody says what became of it."""

    def __init__(self) -> None:
        self.specs: dict[str, RevisionSpec] = {}
        self.started: list[str] = []
        self.phases: dict[str, Observed] = {}

    def ensure(self, spec: RevisionSpec) -> None:
        if self.specs.get(spec.key) != spec:
            self.specs[spec.key] = spec
            self.started.append(spec.key)
            self.phases[spec.key] = STARTING

    def stop(self, key: str) -> None:
        self.specs.pop(key, None)

    def observed(self, key: str) -> Observed:
        return self.phases[key] if key in self.specs else STOPPED

    def running(self) -> frozenset[str]:
        return frozenset(self.specs)

    def becomes(self, key: str, phase: str) -> None:
        self.phases[key] = PHASES[phase]

    def of(self, uri: str) -> str:
        """Return the process that serves this model."""
        return next(key for key, spec in self.specs.items() if spec.storage_uri == uri)


class FakeRouting:
    """Keeps what the gateway would have been told."""

    def __init__(self) -> None:
        self.routes: dict[str, Route] = {}

    def set_route(self, route: Route) -> None:
        self.routes[route.service] = route

    def remove_route(self, namespace: str, service: str) -> None:
        self.routes.pop(service, None)


class FakeCluster:
    """One service `iris`, and everything that is made for it."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.store = Store(Path(":memory:"), clock=lambda: self.now)
        self.processes, self.routing = FakeProcesses(), FakeRouting()
        self.restart()

    def restart(self) -> None:
        """Forget everything that is not in the store."""
        made = Cluster(self.store, self.processes, self.routing, "http://gw", lambda: self.now)
        self.reconciler = Reconciler(made)

    def close(self) -> None:
        self.store.close()

    def create(self, predictor: dict[str, Any], canary: Any = None, **annotations: str) -> None:
        made = service("iris", predictor, **annotations)
        made["spec"] |= {} if canary is None else {"canary": canary}
        self.store.create(INFERENCE_SERVICES, admitted(made))
        self.settle()

    def change(self, **spec: Any) -> None:
        """Apply a merge patch of the spec, through KServe's webhooks."""
        isvc = self.isvc()
        self.store.replace(INFERENCE_SERVICES, admitted(merge(isvc, {"spec": spec}), isvc))
        self.settle()

    def delete(self) -> None:
        self.store.delete(INFERENCE_SERVICES, *vars(IRIS).values())
        self.settle()

    def becomes(self, key: str, phase: str) -> None:
        self.processes.becomes(key, phase)
        self.settle()

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.settle()

    def settle(self) -> None:
        """Reconcile until nothing is written any more."""
        for _ in range(SETTLED_AFTER):
            before = self.store.resource_version()
            self.reconciler.reconcile(IRIS)
            if self.store.resource_version() == before:
                return
        raise AssertionError("the control plane does not come to rest")

    def isvc(self) -> dict[str, Any]:
        return self.store.get(INFERENCE_SERVICES, "ml", "iris")

    def status(self) -> dict[str, Any]:
        return self.isvc().get("status", {})

    def condition(self, kind: str = "Ready") -> dict[str, Any]:
        found = self.status().get("conditions", ())
        return next((each for each in found if each["type"] == kind), {})
