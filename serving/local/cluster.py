"""What both modes of a reconciler share: the names, the world, the writing of a status."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from serving.errors import NotFound
from serving.local import propagation
from serving.local.addresses import Addresses
from serving.local.conditions import Condition
from serving.local.events import Events, timestamp
from serving.local.observed import Observed
from serving.local.propagation import Verdict
from serving.local.resources import INFERENCE_SERVICE_LABEL, INFERENCE_SERVICES, Resource
from serving.local.revisions import RevisionSpec
from serving.local.routes import Route
from serving.local.store import Store

JSON = dict[str, Any]

STOP = "serving.kserve.io/stop"
METRICS_URL = "kanarya.dev/metrics-url"
ADDRESSES = "kanarya.dev/addresses"


@dataclass(frozen=True)
class Key:
    """The name of one InferenceService."""

    namespace: str
    name: str


class Processes(Protocol):
    """What a reconciler asks of the processes."""

    def ensure(self, spec: RevisionSpec) -> None:
        """Have a process run for this revision."""

    def stop(self, key: str) -> None:
        """Begin to end a revision's process."""

    def observed(self, key: str) -> Observed:
        """Return how a revision's process is doing."""

    def running(self) -> frozenset[str]:
        """Return the revisions that have a process."""


class Routing(Protocol):
    """What a reconciler asks of the gateway."""

    def set_route(self, route: Route) -> None:
        """Split a service's requests like this from the next one on."""

    def remove_route(self, namespace: str, service: str) -> None:
        """Forget a service."""


@dataclass(frozen=True)
class Cluster:
    """The objects, the processes, the gateway and the clock."""

    store: Store
    processes: Processes
    routing: Routing
    gateway_url: str
    clock: Callable[[], datetime]
    events: Events = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "events", Events(self.store, self.clock))

    def find(self, resource: Resource, namespace: str, name: str) -> JSON | None:
        """Return one object, None if it is not there."""
        try:
            return self.store.get(resource, namespace, name)
        except NotFound:
            return None

    def addresses(self, key: Key) -> Addresses:
        """Return where a service answers."""
        return Addresses(self.gateway_url, key.namespace, key.name)

    def now(self) -> str:
        """Return the time as Kubernetes writes it."""
        return timestamp(self.clock())

    def write_isvc(
        self, isvc: JSON, status: JSON, why: Verdict, own: Mapping[str, str] | None = None
    ) -> None:
        """Write the status, and the annotations that tell where metrics and Deployments answer.

        `own` is the address of each Deployment alone; None where there are no Deployments.
        """
        told = {METRICS_URL: f"{self.gateway_url}/metrics"}
        if own:
            told[ADDRESSES] = json.dumps(dict(sorted(own.items())))
        kept = {k: v for k, v in annotations_of(isvc).items() if k != ADDRESSES}
        metadata = {**isvc["metadata"], "annotations": {**kept, **told}}
        stored = self.store.replace(INFERENCE_SERVICES, {**isvc, "metadata": metadata})
        self.store.replace(INFERENCE_SERVICES, {**stored, "status": status}, status=True)
        self._tell_changes(isvc, status, why)

    def _tell_changes(self, isvc: JSON, status: JSON, why: Verdict) -> None:
        """Record that a service became ready or not ready, or that its spec was refused."""
        before, after = isvc.get("status", {}), status
        was, now = (propagation.condition_of(each, "Ready") for each in (before, after))
        first = not before.get("conditions")
        told = {entry.get("message") for entry in before.get("conditions", ())}
        if why.refused and why.refused not in told:
            self.events.tell(isvc, "Warning", "InternalError", why.refused)
        elif not first and was.status != now.status and now.status != "Unknown":
            self._tell_readiness(isvc, now)

    def _tell_readiness(self, isvc: JSON, ready: Condition) -> None:
        name = isvc["metadata"]["name"]
        if ready.status == "True":
            message = f"InferenceService [{name}] is Ready"
            self.events.tell(isvc, "Normal", "InferenceServiceReady", message)
        else:
            message = f"InferenceService [{name}] is no longer Ready: {ready.message}"
            self.events.tell(isvc, "Warning", "InferenceServiceNotReady", message)


def key_of(obj: Mapping[str, Any]) -> Key:
    """Return the service that an InferenceService, or an object made for one, belongs to."""
    metadata = obj["metadata"]
    name = metadata.get("labels", {}).get(INFERENCE_SERVICE_LABEL)
    own = obj["kind"] == INFERENCE_SERVICES.kind
    return Key(metadata["namespace"], metadata["name"] if own else name)


def annotations_of(isvc: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the annotations."""
    found: Mapping[str, str] = isvc["metadata"].get("annotations") or {}
    return found


def is_stopped(isvc: Mapping[str, Any]) -> bool:
    """Say whether the annotation takes the service down."""
    return annotations_of(isvc).get(STOP) == "true"
