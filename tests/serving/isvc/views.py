"""Services as drivers see them, in either mode."""

from __future__ import annotations

from typing import Any

from serving.isvc.drivers import (
    KnativeDriver,
    StandardDriver,
)
from serving.isvc.drivers.standard import canary_name
from serving.isvc.resource import ServiceView, view_of

KNATIVE, STANDARD = KnativeDriver(), StandardDriver()
OLD, NEW, OTHER = "s3://m/1", "s3://m/2", "s3://m/3"
NAME = canary_name(ServiceView("iris", "ml"), NEW)
FORMAT = {"name": "kanarya"}
STABLE, CANARY = "iris-predictor", f"iris-{NAME}-predictor"


def entry(percent: int = 10, uri: str = NEW, name: str = NAME, **more: Any) -> dict[str, Any]:
    predictor = {
        "name": name,
        "minReplicas": 1,
        "model": {"modelFormat": FORMAT, "storageUri": uri},
    }
    return {"trafficPercent": percent, "predictor": {**predictor, **more}}


def state(name: str = NAME, percent: int = 10, *, ready: bool = True, **more: Any) -> Any:
    return {"name": name, "trafficPercent": percent, "ready": ready, **more}


LOADED = {"states": {"activeModelState": "Loaded"}}
READY = {"type": "Ready", "status": "True"}
FAILED = {
    "transitionStatus": "BlockedByFailedLoad",
    "lastFailureInfo": {"reason": "ModelLoadFailed", "exitCode": 1},
}


def standard(
    *canary: dict[str, Any],
    uri: str = OLD,
    said: list[Any] | None = None,
    model: dict[str, Any] | None = None,
    conditions: tuple[dict[str, Any], ...] = (),
    annotations: dict[str, str] | None = None,
    **predictor: Any,
) -> ServiceView:
    """A service in Standard mode that has once been ready, unless `model` says otherwise."""
    block = {"model": {"modelFormat": FORMAT, "storageUri": uri}, **predictor}
    status = {
        "deploymentMode": "Standard",
        "modelStatus": LOADED if model is None else model,
        "conditions": list(conditions),
        "components": {"predictor": {"url": "http://iris-ml"}},
        **({"canaryStatuses": said} if said else {}),
    }
    spec = {"predictor": block, **({"canary": list(canary)} if canary else {})}
    metadata = {"name": "iris", "namespace": "ml", "annotations": annotations or {}}
    return view_of({"metadata": metadata, "spec": spec, "status": status})


# What is read

UP = standard(entry(10), said=[state()])


# Knative: revisions that nobody asked for

R1, R2, R3, R4, R12 = (f"iris-predictor-{number:05}" for number in (1, 2, 3, 4, 12))


# Where revisions answer


def knative(*traffic: dict[str, Any]) -> ServiceView:
    status = {"components": {"predictor": {"traffic": list(traffic)}}}
    return view_of({"metadata": {"name": "iris", "namespace": "ml"}, "status": status})


def line(revision: str, tag: str, *, latest: bool = False) -> dict[str, Any]:
    url = {"tag": tag, "url": f"http://{tag}-iris"} if tag else {}
    return {"revisionName": revision, "percent": 50, "latestRevision": latest, **url}
