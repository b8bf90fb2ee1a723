"""An InferenceService as a value, and the two JSON bodies that are ever sent: manifest and patch.

Everything here is pure. A patch always carries the resourceVersion of the view that it was decided
on, so that the API server refuses it (409) where somebody else was quicker.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from serving.isvc.live import TrafficTarget as TrafficTarget
from serving.isvc.live import canaries, complaint, knative_live, ready, standard_live
from serving.isvc.modes import Mode, mode_of

GROUP = "serving.kserve.io"
VERSION = "v1beta1"
PLURAL = "inferenceservices"
KIND = "InferenceService"
RUNTIME = "kanarya-predictor"

ROLLOUT = "kanarya.dev/rollout"
LIVE_VERSION = "kanarya.dev/live-version"
METRICS_URL = "kanarya.dev/metrics-url"
ADDRESSES = "kanarya.dev/addresses"
TAG_ROUTING = "serving.kserve.io/enable-tag-routing"


@dataclass(frozen=True)
class ServiceView:
    """What was read of one InferenceService at one resourceVersion.

    storage_uri  the predictor's: in Knative mode the newest model, in Standard mode the stable one
    predictor    `spec.predictor` as it is; `canaries` are the entries of `spec.canary` (Standard)
    """

    name: str
    namespace: str
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    storage_uri: str = ""
    canary_percent: int | None = None
    latest_created: str = ""
    latest_ready: str = ""
    rolled_out: str = ""
    previous_rolled_out: str = ""
    traffic: tuple[TrafficTarget, ...] = ()
    ready: bool | None = None
    load_failure: str | None = None
    complaint: str | None = None
    url: str | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)
    mode: Mode | None = None
    predictor: Mapping[str, Any] = field(default_factory=dict)
    canaries: tuple[Mapping[str, Any], ...] = ()


def view_of(body: Mapping[str, Any]) -> ServiceView:
    """Return the view of an InferenceService as the API server sends it; absent parts are empty."""
    metadata, status = body["metadata"], body.get("status") or {}
    spec, annotations = body.get("spec") or {}, dict(metadata.get("annotations") or {})
    predictor = spec.get("predictor") or {}
    mode = mode_of(annotations, status.get("deploymentMode"))
    name, namespace = metadata["name"], metadata.get("namespace", "")
    url_of = partial(service_url, namespace, published(annotations))
    standard = mode is Mode.STANDARD
    live = standard_live(name, spec, status, url_of) if standard else knative_live(status)
    return ServiceView(
        name=name,
        namespace=namespace,
        uid=metadata.get("uid", ""),
        resource_version=metadata.get("resourceVersion", ""),
        generation=metadata.get("generation", 0),
        storage_uri=(predictor.get("model") or {}).get("storageUri") or "",
        canary_percent=predictor.get("canaryTrafficPercent"),
        latest_created=live.created,
        latest_ready=live.ready,
        rolled_out=live.rolled_out,
        previous_rolled_out=live.previous,
        traffic=live.traffic,
        ready=ready(status),
        load_failure=live.failure,
        complaint=complaint(status),
        url=status.get("url"),
        annotations=annotations,
        mode=mode,
        predictor=predictor,
        canaries=canaries(spec),
    )


def published(annotations: Mapping[str, str]) -> dict[str, str]:
    """Return where each Deployment answers by itself, as the local platform writes it down."""
    try:
        found = json.loads(annotations.get(ADDRESSES) or "{}")
    except ValueError:
        return {}
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}


def service_url(namespace: str, published: Mapping[str, str], deployment: str) -> str:
    """Return where a Deployment answers: as published, else at its own Service in the cluster."""
    return published.get(deployment) or f"http://{deployment}.{namespace}"


def manifest(
    name: str,
    namespace: str,
    storage_uri: str,
    *,
    annotations: Mapping[str, str],
    account: str = "",
) -> dict[str, Any]:
    """Return the InferenceService that serves `storage_uri` with all of the traffic.

    `account`: the ServiceAccount of its pods, by which they may fetch models; "": `default`.
    """
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": KIND,
        "metadata": {
            "name": name,
            "namespace": namespace,
            "annotations": {TAG_ROUTING: "true", **annotations},
        },
        "spec": {
            "predictor": {
                **({"serviceAccountName": account} if account else {}),
                "minReplicas": 1,
                "model": {
                    "modelFormat": {"name": "kanarya"},
                    "runtime": RUNTIME,
                    "protocolVersion": "v2",
                    "storageUri": storage_uri,
                },
            }
        },
    }


def merge_patch(
    view: ServiceView, spec: Mapping[str, Any], annotations: Mapping[str, str | None]
) -> dict[str, Any]:
    """Return the merge patch that changes `view` and nothing newer; None removes an annotation."""
    metadata = {"resourceVersion": view.resource_version, "annotations": dict(annotations)}
    return {"metadata": metadata, **({"spec": dict(spec)} if spec else {})}
