"""What a cluster says of itself, as far as it lets us ask: four small reads of its API.

Most accounts may not read KServe's ConfigMap, so nothing here is an error: what could not be read
is None, and `unread` says why. The schema of `spec.canary` is read from the API server's OpenAPI
documents, which everybody may read, not from the CRD, which most may not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from serving.isvc.modes import Mode, mode_named

CONFIG = "inferenceservice-config"
# KServe's own manifests, and Kubeflow's.
NAMESPACES = ("kserve", "kubeflow")
LOCAL = "+kanarya"

Answer = tuple[int, Any]
Get = Callable[[str], Answer]
Release = tuple[int, int, int]


@dataclass(frozen=True)
class Config:
    """What KServe's ConfigMap says; None where it does not say it."""

    mode: Mode | None = None
    gateway_api: bool | None = None
    kept_out: frozenset[str] = frozenset()
    """The annotations of a service that do not reach its pods' template."""
    release: Release | None = None


@dataclass(frozen=True)
class Facts:
    """What is known of a cluster; None where it is not known."""

    config: Config | None = None
    unread: str = ""
    knative: bool | None = None
    gateway_api: bool | None = None
    knows_canary: bool | None = None
    local: bool = False


def read_facts(get: Get) -> Facts:
    """Return what the API tells; `get` answers a path with the HTTP status and the JSON.

    The local platform has no configuration to ask for: what it cannot do its admission refuses.
    """
    knative = _has(get, "/apis/serving.knative.dev/v1")
    if _is_local(get):
        return Facts(knative=knative, local=True)
    config, unread = _config(get)
    return Facts(
        config=config,
        unread=unread,
        knative=knative,
        gateway_api=_has(get, "/apis/gateway.networking.k8s.io/v1"),
        knows_canary=_knows_canary(get),
    )


def _config(get: Get) -> tuple[Config | None, str]:
    said = []
    for namespace in NAMESPACES:
        status, body = get(f"/api/v1/namespaces/{namespace}/configmaps/{CONFIG}")
        if status == 200 and isinstance(body, dict):
            return config_of(body.get("data") or {}), ""
        said.append(f"{status} in namespace {namespace}")
    return None, ", ".join(said)


def config_of(data: Mapping[str, str]) -> Config:
    """Return what the ConfigMap's entries say; each is JSON, and a broken one says nothing."""
    kept_out = _entry(data, "inferenceService").get("serviceAnnotationDisallowedList")
    gateway_api = _entry(data, "ingress").get("enableGatewayApi")
    return Config(
        mode=mode_named(str(_entry(data, "deploy").get("defaultDeploymentMode") or "")),
        gateway_api=gateway_api if isinstance(gateway_api, bool) else None,
        kept_out=frozenset(kept_out) if isinstance(kept_out, list) else frozenset(),
        release=_release(data),
    )


def _entry(data: Mapping[str, str], key: str) -> Mapping[str, Any]:
    try:
        found = json.loads(data.get(key) or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _release(data: Mapping[str, str]) -> Release | None:
    """Return KServe's version, which only the tags of its own images tell."""
    for key in ("storageInitializer", "agent", "router"):
        image = str(_entry(data, key).get("image") or "")
        found = re.search(r":v?(\d+)\.(\d+)\.(\d+)", image)
        if found and image.startswith(("kserve/", "docker.io/kserve/")):
            major, minor, patch = (int(number) for number in found.groups())
            return major, minor, patch
    return None


def _has(get: Get, path: str) -> bool | None:
    status, _ = get(path)
    return {200: True, 404: False}.get(status)


def _is_local(get: Get) -> bool:
    _, body = get("/version")
    return isinstance(body, dict) and str(body.get("gitVersion", "")).endswith(LOCAL)


def _knows_canary(get: Get) -> bool | None:
    """Return whether the API server would keep `spec.canary`; an unknown field is dropped."""
    status, body = get("/openapi/v3/apis/serving.kserve.io/v1beta1")
    if status != 200 or not isinstance(body, dict):
        return None
    specs = list(_specs(body))
    if not specs or any(spec.get("x-kubernetes-preserve-unknown-fields") for spec in specs):
        return None
    return any("canary" in (spec.get("properties") or {}) for spec in specs)


def _specs(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the schema of an InferenceService's spec, and of the whole object where it is open."""
    for schema in ((document.get("components") or {}).get("schemas") or {}).values():
        kinds = schema.get("x-kubernetes-group-version-kind") or ()
        if any(each.get("kind") == "InferenceService" for each in kinds):
            properties = schema.get("properties") or {}
            yield properties.get("spec") or {"x-kubernetes-preserve-unknown-fields": True}
