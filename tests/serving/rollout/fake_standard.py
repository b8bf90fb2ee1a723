"""A small model of KServe's Standard mode (facts A.6 and A.8) in memory: Deployments and a route.

As KServe does: the webhook refuses what it cannot do, a canary of 0 replicas is never ready, only
ready canaries are in the route, Deployments that nobody asks for are deleted, and the status names
no revision.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from serving.errors import ServiceError
from serving.isvc.facts import Facts
from serving.isvc.modes import DEPLOYMENT_MODE
from serving.isvc.resource import ServiceView
from tests.serving.rollout.fake_cluster import FakeCluster, Revision, copied, merge

NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")


@dataclass
class Pods(Revision):
    """A Deployment; a new uri comes up beside the old pods, which serve on meanwhile."""

    replicas: int = 1
    coming: str = ""
    template: tuple[object, ...] = ()
    restarts: int = 0


class StandardCluster(FakeCluster):
    def __init__(self, requests_per_s: float = 1000.0) -> None:
        super().__init__(requests_per_s)
        self.routes: dict[str, dict[str, int]] = {}
        self.deployments: dict[str, dict[str, Pods]] = {}
        self.about = Facts(knative=False, local=True)

    def create(self, manifest: Mapping[str, Any]) -> ServiceView:
        admit(manifest, None)
        return super().create(manifest)

    def patch(self, name: str, patch: Mapping[str, Any]) -> ServiceView:
        if name in self.objects:
            after = copied(self.objects[name])
            merge(after, copied(dict(patch)))
            admit(after, self.objects[name])
        return super().patch(name, patch)

    # As the controller does, in its order: canaries, orphans, the stable one, the route, the status

    def _reconcile(self, name: str) -> None:
        body = self.objects[name]
        status = body.setdefault("status", {"deploymentMode": "Standard"})
        before = copied(status)
        stable, entries = body["spec"]["predictor"], body["spec"].get("canary") or []
        deployments = self.deployments.setdefault(name, {})
        for entry in entries:
            wanted = {**stable, **entry["predictor"]}
            count = wanted["minReplicas"] if "minReplicas" in entry["predictor"] else share(entry)
            self._deployed(name, wanted, count)
        keep = {deployment(name, each) for each in (stable, *(e["predictor"] for e in entries))}
        for gone in set(deployments) - keep:
            del deployments[gone]
        status["canaryStatuses"] = [self._canary_status(name, entry) for entry in entries]
        self._deployed(name, stable, stable.get("minReplicas", 1))
        self._route(name, stable, status["canaryStatuses"])
        self._tell(name, stable, status)
        if status != before:
            self._written(name)

    def _deployed(self, service: str, predictor: Mapping[str, Any], replicas: int) -> None:
        name, uri = deployment(service, predictor), predictor["model"]["storageUri"]
        annotations = self.objects[service]["metadata"]["annotations"]
        template = (uri, tuple(annotations.items()) if self.copies_annotations else ())
        ready_at = self.now + self.behaviour(uri).load_s
        pods = self.deployments[service].get(name)
        if pods is None:
            pods = Pods(name, uri, ready_at, template=template)
            self.deployments[service][name] = pods
            self.revisions[service].append(pods)
        elif pods.template != template:
            pods.coming, pods.ready_at, pods.template = uri, ready_at, template
            pods.restarts += 1
        pods.replicas = replicas
        if pods.coming and pods.ready_at <= self.now and not self.behaviour(uri).load_failure:
            pods.uri, pods.coming = pods.coming, ""

    def _available(self, pods: Pods) -> bool:
        if not pods.replicas:
            return False
        return bool(pods.coming) or self._is_ready(pods)

    def _canary_status(self, service: str, entry: Mapping[str, Any]) -> dict[str, Any]:
        pods = self.deployments[service][deployment(service, entry["predictor"])]
        told = {"name": entry["predictor"]["name"], "trafficPercent": entry["trafficPercent"]}
        return {**told, "ready": self._available(pods)}

    def _route(self, service: str, stable: Mapping[str, Any], canaries: list[Any]) -> None:
        weights = {
            deployment(service, each): each["trafficPercent"] for each in canaries if each["ready"]
        }
        self.routes[service] = {
            deployment(service, stable): 100 - sum(weights.values()),
            **weights,
        }

    def _tell(self, service: str, stable: Mapping[str, Any], status: dict[str, Any]) -> None:
        pods = self.deployments[service][deployment(service, stable)]
        available = self._available(pods)
        failure = self.behaviour(pods.coming or pods.uri).load_failure
        conditions = [{"type": "Ready", "status": "True" if available else "False"}]
        if status["canaryStatuses"]:
            up = all(each["ready"] for each in status["canaryStatuses"])
            said = ("True", "AllCanariesReady") if up else ("False", "CanariesNotReady")
            conditions.append(
                {"type": "CanaryPredictorReady", "status": said[0], "reason": said[1]}
            )
        status["conditions"] = conditions
        model = status.setdefault("modelStatus", {"states": {}})
        if available and not failure:
            model["states"] = {"activeModelState": "Loaded", "targetModelState": "Loaded"}
            model["transitionStatus"] = "UpToDate"
        elif failure:
            model["states"]["targetModelState"] = "FailedToLoad"
            model["transitionStatus"] = "BlockedByFailedLoad"
            info = {"reason": "ModelLoadFailed", "exitCode": 1, "message": failure}
            model["lastFailureInfo"] = info

    def _serve(self, name: str, seconds: float) -> None:
        split = {pods.name: 0 for pods in self.revisions[name]} | self.routes[name]
        if not self.splits or self.splits[-1] != split:
            self.splits.append(split)
        for pods in self.deployments[name].values():
            if self._available(pods):
                self._count(pods, self.requests_per_s * seconds * split[pods.name] / 100)

    def live(self, name: str) -> dict[str, int]:
        found: dict[str, int] = {}
        for each, weight in self.routes[name].items():
            pods = self.deployments[name][each]
            if weight and self._available(pods):
                found[pods.uri] = found.get(pods.uri, 0) + weight
        return found


def deployment(service: str, predictor: Mapping[str, Any]) -> str:
    name = predictor.get("name") or ""
    return f"{service}-{name}-predictor" if name else f"{service}-predictor"


def share(entry: Mapping[str, Any]) -> int:
    """KServe's count of replicas where a canary does not say it."""
    return math.ceil(entry["trafficPercent"] / 100)


def admit(body: Mapping[str, Any], old: Mapping[str, Any] | None) -> None:
    """Refuse as validateCanarySpecs and validatePredictorNameChange do."""
    stable, entries = body["spec"]["predictor"], body["spec"].get("canary") or []
    names = [entry["predictor"].get("name", "") for entry in entries]
    mode = body["metadata"].get("annotations", {}).get(DEPLOYMENT_MODE)
    rules = {
        "canary is only supported in Standard deployment mode": entries and mode != "Standard",
        "predictor.name is required": not all(map(NAME.fullmatch, names)),
        "is duplicated": len(set(names)) < len(names),
        "conflicts with stable predictor name": stable.get("name", "") in names,
        "sum of canary trafficPercent": sum(e["trafficPercent"] for e in entries) > 100,
        "must be between 0 and 100": any(not 0 <= e["trafficPercent"] <= 100 for e in entries),
        "must not exceed stable": any(
            e["predictor"].get("minReplicas", 0) > stable.get("minReplicas", 1) for e in entries
        ),
        "exactly one implementation": any("model" not in e["predictor"] for e in entries),
        "name cannot be changed without": old is not None and renamed_only(old, body),
    }
    for complaint, broken in rules.items():
        if broken:
            raise ServiceError(f"admission webhook denied the request: {complaint}")


def renamed_only(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    before, after = old["spec"]["predictor"], new["spec"]["predictor"]
    same = before["model"]["storageUri"] == after["model"]["storageUri"]
    return before.get("name") != after.get("name") and same
