"""An InferenceService as a value, and the two JSON bodies that are ever sent: manifest and patch.

Everything here is pure. A patch always carries the resourceVersion of the view that it was decided
on, so that the API server refuses it (409) where somebody else was quicker.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

GROUP = "serving.kserve.io"
VERSION = "v1beta1"
PLURAL = "inferenceservices"
KIND = "InferenceService"
RUNTIME = "kanarya-predictor"

ROLLOUT = "kanarya.dev/rollout"
LIVE_VERSION = "kanarya.dev/live-version"
METRICS_URL = "kanarya.dev/metrics-url"
TAG_ROUTING = "serving.kserve.io/enable-tag-routing"

_LOAD_FAILED = {"BlockedByFailedLoad", "InvalidSpec"}


@dataclass(frozen=True)
class TrafficTarget:
    """One line of the live traffic block."""

    revision: str
    percent: int
    tag: str | None = None
    latest: bool = False
    url: str | None = None


@dataclass(frozen=True)
class ServiceView:
    """What was read of one InferenceService at one resourceVersion."""

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


def view_of(body: Mapping[str, Any]) -> ServiceView:
    """Return the view of an InferenceService as the API server sends it; absent parts are empty."""
    metadata, status = body["metadata"], body.get("status") or {}
    predictor = (body.get("spec") or {}).get("predictor") or {}
    live = (status.get("components") or {}).get("predictor") or {}
    return ServiceView(
        name=metadata["name"],
        namespace=metadata.get("namespace", ""),
        uid=metadata.get("uid", ""),
        resource_version=metadata.get("resourceVersion", ""),
        generation=metadata.get("generation", 0),
        storage_uri=(predictor.get("model") or {}).get("storageUri") or "",
        canary_percent=predictor.get("canaryTrafficPercent"),
        latest_created=live.get("latestCreatedRevision", ""),
        latest_ready=live.get("latestReadyRevision", ""),
        rolled_out=live.get("latestRolledoutRevision", ""),
        previous_rolled_out=live.get("previousRolledoutRevision", ""),
        traffic=tuple(_target(line) for line in live.get("traffic") or ()),
        ready=_ready(status),
        load_failure=_load_failure(status),
        complaint=_complaint(status),
        url=status.get("url"),
        annotations=dict(metadata.get("annotations") or {}),
    )


def manifest(
    name: str,
    namespace: str,
    storage_uri: str,
    *,
    annotations: Mapping[str, str],
    model_format: str = "kanarya",
) -> dict[str, Any]:
    """Return the InferenceService that serves `storage_uri` with all of the traffic."""
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
                "minReplicas": 1,
                "model": {
                    "modelFormat": {"name": model_format},
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


def _target(line: Mapping[str, Any]) -> TrafficTarget:
    return TrafficTarget(
        revision=line.get("revisionName", ""),
        percent=line.get("percent") or 0,
        tag=line.get("tag"),
        latest=bool(line.get("latestRevision")),
        url=line.get("url"),
    )


def _condition(status: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    return next((c for c in status.get("conditions") or () if c.get("type") == kind), {})


def _ready(status: Mapping[str, Any]) -> bool | None:
    return {"True": True, "False": False}.get(_condition(status, "Ready").get("status", ""))


def _load_failure(status: Mapping[str, Any]) -> str | None:
    """Return why the newest revision could not load its model; None while it may still succeed."""
    model = status.get("modelStatus") or {}
    failed = (model.get("states") or {}).get("targetModelState") == "FailedToLoad"
    if not failed and model.get("transitionStatus") not in _LOAD_FAILED:
        return None
    info = model.get("lastFailureInfo") or {}
    code = f"exit code {info['exitCode']}" if info.get("exitCode") else ""
    said = [part for part in (info.get("reason"), code, info.get("message")) if part]
    return ", ".join(said) or _complaint(status) or "the model could not be loaded"


def _complaint(status: Mapping[str, Any]) -> str | None:
    """Return what the controller says is wrong at this moment; it may pass by itself."""
    for kind in ("PredictorReady", "IngressReady", "Ready"):
        found = _condition(status, kind)
        if found.get("status") == "False":
            said = [part for part in (found.get("reason"), found.get("message")) if part]
            return ": ".join(said) or f"{kind} is False"
    return None
