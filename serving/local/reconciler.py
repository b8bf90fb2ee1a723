"""One service brought in line with its spec, in the deployment mode that it has."""

from __future__ import annotations

from typing import Protocol

from serving.local.cluster import JSON, Cluster, Key, key_of
from serving.local.knative_reconciler import KnativeReconciler
from serving.local.modes import KNATIVE, STANDARD, mode_of
from serving.local.resources import INFERENCE_SERVICES
from serving.local.standard_reconciler import StandardReconciler


class Mode(Protocol):
    """What makes processes and traffic of a spec, in one way."""

    def bring(self, key: Key, isvc: JSON) -> None:
        """Bring a service of this mode in line."""

    def forget(self, key: Key, uid: str | None) -> None:
        """Remove what this mode made for another service of that name than the one of the uid."""

    def keys(self) -> frozenset[Key]:
        """Return every service that this mode made something for."""


class Reconciler:
    """Brings services in line; every call starts from the store and may be the first one."""

    def __init__(self, cluster: Cluster) -> None:
        """Work on this cluster."""
        self._cluster = cluster
        self._modes: dict[str, Mode] = {
            KNATIVE: KnativeReconciler(cluster),
            STANDARD: StandardReconciler(cluster),
        }

    def reconcile(self, key: Key) -> None:
        """Bring one service in line; it may have been deleted meanwhile."""
        isvc = self._cluster.find(INFERENCE_SERVICES, key.namespace, key.name)
        mode = mode_of(isvc) if isvc else None
        for name, each in self._modes.items():
            each.forget(key, isvc["metadata"]["uid"] if isvc and name == mode else None)
        if isvc and mode:
            self._modes[mode].bring(key, isvc)
        else:
            self._cluster.routing.remove_route(key.namespace, key.name)

    def keys(self) -> frozenset[Key]:
        """Return every service that there is anything of."""
        services, _ = self._cluster.store.list(INFERENCE_SERVICES, None)
        made = (mode.keys() for mode in self._modes.values())
        return frozenset(map(key_of, services)).union(*made)

    def tell(self, key: Key, reason: str, message: str) -> None:
        """Record a warning about a service that is still there."""
        isvc = self._cluster.find(INFERENCE_SERVICES, key.namespace, key.name)
        if isvc:
            self._cluster.events.tell(isvc, "Warning", reason, message)
