"""One service's objects as the Kubernetes API shows them: read, patched, waited for."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from serving.errors import PlatformError
from serving.local.http_routes import weights_of
from serving.local.revisions import DEPLOYMENT, SOURCE

JSON = dict[str, Any]

DEADLINE_S = 90.0
SERVING = ("serving.kserve.io/v1beta1", "inferenceservices")
ROUTES = ("gateway.networking.k8s.io/v1", "httproutes")


@dataclass(frozen=True)
class Objects:
    """One service's objects, read and patched through the Kubernetes API."""

    api_url: str
    namespace: str
    service: str

    def isvc(self) -> JSON:
        """Return the InferenceService."""
        return self._ask("GET", self._path(*SERVING, self.service))

    def predictor(self) -> JSON:
        """Return the predictor's part of the status."""
        found: JSON = self.isvc().get("status", {}).get("components", {}).get("predictor", {})
        return found

    def ready(self) -> bool:
        """Say whether the service is Ready."""
        conditions = self.isvc().get("status", {}).get("conditions", ())
        return ("Ready", "True") in [(each["type"], each["status"]) for each in conditions]

    def split(self) -> dict[str, int]:
        """Return the percent of each revision (Knative mode)."""
        shares: dict[str, int] = {}
        for line in self.predictor().get("traffic", ()):
            shares[line["revisionName"]] = shares.get(line["revisionName"], 0) + line["percent"]
        return shares

    def weights(self) -> dict[str, int]:
        """Return the weight of each Deployment in the HTTPRoute (Standard mode)."""
        return dict(weights_of(self._ask("GET", self._path(*ROUTES, self.service))))

    def models(self) -> dict[str, list[str]]:
        """Return the uris that the pods of each Deployment serve (Standard mode)."""
        served: dict[str, list[str]] = {}
        for pod in self._ask("GET", f"/api/v1/namespaces/{self.namespace}/pods")["items"]:
            deployment = pod["metadata"]["labels"][DEPLOYMENT]
            served.setdefault(deployment, []).append(pod["metadata"]["annotations"][SOURCE])
        return served

    def create(self, uri: str, annotations: Mapping[str, str]) -> None:
        """Create the service with one version, and wait until it is Ready."""
        body = {
            "apiVersion": SERVING[0],
            "kind": "InferenceService",
            "metadata": {"name": self.service, "annotations": dict(annotations)},
            "spec": {"predictor": predictor(uri)},
        }
        self._ask("POST", self._path(*SERVING), body)
        waited(self.ready, f"{self.service} is Ready")

    def patch(self, spec: Mapping[str, Any]) -> None:
        """Apply a merge patch of the spec."""
        self._ask("PATCH", self._path(*SERVING, self.service), {"spec": dict(spec)})

    def delete(self) -> None:
        """Take the service away."""
        self._ask("DELETE", self._path(*SERVING, self.service))

    def _path(self, group: str, plural: str, name: str = "") -> str:
        return f"/apis/{group}/namespaces/{self.namespace}/{plural}/{name}".rstrip("/")

    def _ask(self, method: str, path: str, body: JSON | None = None) -> JSON:
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(
            self.api_url + path, data, {"Content-Type": kind}, method=method
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(asked, timeout=10) as answer:
            return dict(json.load(answer))


def predictor(uri: str, **more: Any) -> JSON:
    """Return a predictor of the model at `uri`."""
    model = {"modelFormat": {"name": "kanarya"}, "runtime": "kanarya-predictor"}
    return {**more, "model": {**model, "protocolVersion": "v2", "storageUri": uri}}


def waited(condition: Callable[[], bool], what: str) -> None:
    """Wait until the condition holds. Raises PlatformError at the deadline."""
    end = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > end:
            raise PlatformError(f"waited {DEADLINE_S:.0f} s until {what}; look into the logs.")
        time.sleep(0.02)
