"""One look at a service in Standard mode: what it wants, what is there, what that takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from serving.local import deployments, revisions, standard
from serving.local.cluster import Key
from serving.local.deployments import Moment
from serving.local.observed import STOPPED, Observed
from serving.local.propagation import Verdict
from serving.local.rolling import Pods, ready, rolled
from serving.local.standard import Variant

JSON = dict[str, Any]
Objects = dict[str, JSON]


@dataclass(frozen=True)
class Owned:
    """What belongs to one InferenceService, by name; a Pod belongs to its Deployment."""

    deployments: Objects
    pods: Objects
    routes: Objects

    def pods_of(self, deployment: str) -> list[str]:
        """Return the pods of a Deployment, the oldest first."""
        mine = [
            pod["metadata"]
            for pod in self.pods.values()
            if pod["metadata"]["labels"][revisions.DEPLOYMENT] == deployment
        ]
        return [each["name"] for each in sorted(mine, key=lambda m: m["creationTimestamp"])]


@dataclass(frozen=True)
class Scene:
    """One look at a service: what it wants, what is there, and which pods that takes."""

    key: Key
    isvc: JSON
    why: Verdict
    stable: Variant
    canaries: tuple[Variant, ...]
    owned: Owned
    pods: Mapping[str, Pods]
    observed: Mapping[str, Observed]

    @property
    def ready(self) -> frozenset[str]:
        """Return the canaries that answer."""
        answering = (c for c in self.canaries if self.answers(c.deployment))
        return frozenset(canary.name for canary in answering)

    def answers(self, deployment: str) -> bool:
        """Say whether any pod of the Deployment answers."""
        needed = self.pods.get(deployment, Pods()).needed
        return any(ready(pod, self.observed) for pod in needed)

    @property
    def needed(self) -> frozenset[str]:
        """Return the pods that must have a process."""
        return frozenset().union(*(each.needed for each in self.pods.values()))

    @property
    def newest(self) -> Observed:
        """Return how the stable Deployment's newest pod is doing."""
        newest = self.pods.get(self.stable.deployment, Pods()).newest
        return self.observed.get(newest or "", STOPPED)

    def moment(self, deployment: str, now: datetime, shown: str) -> Moment:
        """Return the time, and for how long the Deployment's newest pod has been there."""
        pod = self.owned.pods.get(self.pods[deployment].newest or "")
        if pod is None:
            return Moment(shown)
        made = datetime.fromisoformat(pod["metadata"]["creationTimestamp"])
        return Moment(shown, (now - made).total_seconds())


def wanted(scene: Scene) -> Iterator[JSON]:
    """Yield the Deployments that the spec asks for."""
    isvc = scene.isvc
    replicas = standard.stable_replicas(isvc, scene.ready)
    yield deployments.deployment_of(isvc, scene.stable, replicas)
    for number, canary in enumerate(scene.canaries):
        replicas = standard.canary_replicas(isvc, number)
        yield deployments.deployment_of(isvc, canary, replicas)


def pods_needed(deployment: JSON, owned: Owned, observed: Mapping[str, Observed]) -> Pods:
    """Return the pods that a stored Deployment needs."""
    newest = deployments.newest_pod(deployment)
    older = [n for n in owned.pods_of(deployment["metadata"]["name"]) if n != newest]
    return rolled(newest, older, observed, recreated=deployments.is_recreated(deployment))
