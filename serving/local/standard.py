"""How KServe's Standard mode turns a spec into Deployments and weights: values in, values out.

The rules are those of KServe's predictor.go (`reconcileCanaryDeployments`,
`adjustStableMinReplicasForCanaries`) and httproute_reconciler.go (`applyCanaryWeights`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from serving.local.revisions import predictor_name

JSON = dict[str, Any]

AUTOSCALER_CLASS = "serving.kserve.io/autoscalerClass"
# Fields of a canary that KServe takes away after the merge: a canary has fixed replicas.
SCALING = frozenset({"maxReplicas", "scaleTarget", "scaleMetric", "autoScaling"})


@dataclass(frozen=True)
class Variant:
    """One predictor of a service: the stable one, or an entry of `spec.canary`."""

    name: str  # predictor.name; "" for a stable one that has none
    deployment: str
    predictor: JSON
    percent: int | None = None  # None: it is the stable one

    @property
    def recreated(self) -> bool:
        """Say whether a changed template ends the old pods before it starts new ones."""
        return (self.predictor.get("deploymentStrategy") or {}).get("type") == "Recreate"


def deployment_name(service: str, variant: str = "") -> str:
    """Return the name of a Deployment and of its Service: `iris-predictor`, `iris-v2-predictor`."""
    return predictor_name(f"{service}-{variant}" if variant else service)


def stable_of(isvc: Mapping[str, Any]) -> Variant:
    """Return the predictor that gets what the canaries leave."""
    predictor = isvc["spec"]["predictor"]
    name = predictor.get("name") or ""
    return Variant(name, deployment_name(isvc["metadata"]["name"], name), predictor)


def canaries_of(isvc: Mapping[str, Any]) -> tuple[Variant, ...]:
    """Return the canaries in the order of the spec, each merged over the stable predictor."""
    service, stable = isvc["metadata"]["name"], isvc["spec"]["predictor"]
    return tuple(_canary(service, stable, entry) for entry in isvc["spec"].get("canary") or [])


def _canary(service: str, stable: Mapping[str, Any], entry: Mapping[str, Any]) -> Variant:
    merged = merged_over(stable, entry["predictor"])
    predictor = {key: value for key, value in merged.items() if key not in SCALING}
    name = entry["predictor"]["name"]
    return Variant(name, deployment_name(service, name), predictor, entry["trafficPercent"])


def merged_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> JSON:
    """Return Go's mergo.WithOverride: objects merge, lists are replaced, empty values say nothing.

    So a canary cannot take away what the stable predictor has.
    """
    merged = dict(below)
    for key, value in above.items():
        old = below.get(key)
        if isinstance(value, dict) and isinstance(old, dict):
            merged[key] = merged_over(old, value)
        elif value:
            merged[key] = value
    return merged


def canary_replicas(isvc: Mapping[str, Any], number: int) -> int:
    """Return how many replicas the canary with this number in the list has.

    Its own minReplicas, else its percent of the stable ones, rounded up: a canary with 0 percent
    and no minReplicas has none, and never becomes ready.
    """
    entry = isvc["spec"]["canary"][number]
    own = entry["predictor"].get("minReplicas")
    if own is not None:
        return int(own)
    return -(-_min_replicas(isvc) * int(entry["trafficPercent"]) // 100)


def stable_replicas(isvc: Mapping[str, Any], ready: Collection[str]) -> int:
    """Return the stable replicas: those of the canaries that are ready are taken off, down to 1.

    Only with autoscalerClass none may there be 0; a HorizontalPodAutoscaler keeps one.
    """
    asked, entries = _min_replicas(isvc), isvc["spec"].get("canary") or []
    counts = (
        canary_replicas(isvc, number)
        for number, entry in enumerate(entries)
        if entry["predictor"]["name"] in ready
    )
    taken = sum(counts)
    if taken and isvc["spec"]["predictor"].get("minReplicas") is not None:
        return max(asked - taken, 1)
    fixed = (isvc["metadata"].get("annotations") or {}).get(AUTOSCALER_CLASS) == "none"
    return asked if fixed else max(asked, 1)


def weights(
    stable: Variant, canaries: Collection[Variant], ready: Collection[str]
) -> tuple[tuple[str, int], ...]:
    """Return Deployment and weight of each backend; a canary that is not ready is left out."""
    shares = tuple(_shares(canaries, ready))
    return ((stable.deployment, 100 - sum(percent for _, percent in shares)), *shares)


def _shares(canaries: Collection[Variant], ready: Collection[str]) -> Iterator[tuple[str, int]]:
    for canary in canaries:
        if canary.name in ready:
            yield canary.deployment, canary.percent or 0


def _min_replicas(isvc: Mapping[str, Any]) -> int:
    asked = isvc["spec"]["predictor"].get("minReplicas")
    return 1 if asked is None else int(asked)
