"""The HTTPRoutes of Standard mode, and what the gateway is told of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from serving.local.cluster import Key
from serving.local.resources import INFERENCE_SERVICE_LABEL
from serving.local.revisions import owner, predictor_name
from serving.local.routes import Route, Target

JSON = dict[str, Any]

DOMAIN = "example.com"  # KServe's own default
PORT = 80
ACCEPTED = {"type": "Accepted", "status": "True", "reason": "Accepted", "message": ""}
Weights = Iterable[tuple[str, int]]


def route_names(service: str) -> tuple[str, str]:
    """Return the names of a service's HTTPRoutes; no promotion changes them."""
    return service, predictor_name(service)


def http_routes(isvc: Mapping[str, Any], weights: Weights) -> Iterator[JSON]:
    """Yield the HTTPRoutes of a service: one of its own host, one of its predictor's."""
    metadata = isvc["metadata"]
    split = bool(isvc["spec"].get("canary"))
    refs = [_backend(name, share if split else None) for name, share in weights]
    for name in route_names(metadata["name"]):
        yield {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "HTTPRoute",
            "metadata": {
                "name": name,
                "namespace": metadata["namespace"],
                "labels": {INFERENCE_SERVICE_LABEL: metadata["name"]},
                "ownerReferences": [owner(isvc)],
            },
            "spec": {
                "hostnames": [f"{name}-{metadata['namespace']}.{DOMAIN}"],
                "parentRefs": [{"name": "kserve-ingress-gateway", "namespace": "kserve"}],
                "rules": [{"backendRefs": refs}],
            },
        }


def accepted(route: Mapping[str, Any]) -> JSON:
    """Return the status that a gateway gives a route which it follows."""
    parent = route["spec"]["parentRefs"][0]
    return {"parents": [{"parentRef": parent, "conditions": [ACCEPTED]}]}


def weights_of(route: Mapping[str, Any]) -> tuple[tuple[str, int], ...]:
    """Return Deployment and weight of each backend of a stored HTTPRoute."""
    refs = route["spec"]["rules"][0]["backendRefs"]
    return tuple((ref["name"], int(ref.get("weight", 100))) for ref in refs)


def gateway_route(
    key: Key, weights: Weights, serving: Mapping[str, str | None], stable: str
) -> Route:
    """Return what the gateway is told: the route's backends, and every Deployment by its name.

    `serving` is the pod that answers for each Deployment.
    """
    shares = dict(weights)
    names = [*shares, *(name for name in serving if name not in shares)]
    targets = (Target(name, shares.get(name, 0), name, serving.get(name)) for name in names)
    return Route(key.namespace, key.name, tuple(targets), stable, standard=True)


def _backend(name: str, weight: int | None) -> JSON:
    """Return one backend; without a canary KServe writes no weight, and it gets everything."""
    share = {} if weight is None else {"weight": weight}
    return {"kind": "Service", "name": name, "port": PORT, **share}
