"""Events: what `kubectl describe` and `kubectl get events` tell of a service."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal

from serving.errors import NotFound
from serving.local.resources import EVENTS
from serving.local.store import Store

Severity = Literal["Normal", "Warning"]


def timestamp(moment: datetime) -> str:
    """Return the moment as Kubernetes writes it: `2026-11-21T10:00:00Z`."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class Events:
    """Writes events to the store; the same thing said again is counted, not repeated."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        """Write to this store, with the times of this clock."""
        self._store, self._clock = store, clock

    def tell(self, about: Mapping[str, Any], severity: Severity, reason: str, message: str) -> None:
        """Record one fact about an object."""
        now = timestamp(self._clock())
        event = _event(about, severity, reason, message)
        try:
            known = self._store.get(EVENTS, *_address(event))
        except NotFound:
            self._store.create(EVENTS, {**event, "firstTimestamp": now, "lastTimestamp": now})
        else:
            again = {"count": known["count"] + 1, "lastTimestamp": now}
            self._store.replace(EVENTS, {**known, **again})


def _address(event: Mapping[str, Any]) -> tuple[str, str]:
    return event["metadata"]["namespace"], event["metadata"]["name"]


def _event(
    about: Mapping[str, Any], severity: Severity, reason: str, message: str
) -> dict[str, Any]:
    metadata = about["metadata"]
    said = sha256(f"{metadata['uid']} {severity} {reason} {message}".encode()).hexdigest()
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": f"{metadata['name']}.{said[:16]}",
            "namespace": metadata["namespace"],
        },
        "involvedObject": {
            "apiVersion": about["apiVersion"],
            "kind": about["kind"],
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "uid": metadata["uid"],
        },
        "type": severity,
        "reason": reason,
        "message": message,
        "count": 1,
        "source": {"component": "kanarya-controller"},
        "reportingComponent": "kanarya-controller",
        "reportingInstance": "",
    }
