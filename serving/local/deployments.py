"""The objects of Standard mode, as they are kept and shown: Deployments and their Pods.

One process stands for all replicas of a Deployment: the counts are those that Kubernetes would
show, and a Pod is one template of a Deployment that has, or had, a process.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from serving.local.conditions import Condition, dated
from serving.local.observed import Observed, Phase
from serving.local.revisions import DEPLOYMENT, METADATA_FIELDS, canonical, owner, pod_template
from serving.local.rolling import Pods, ready
from serving.local.schema import LEGACY
from serving.local.standard import Variant

JSON = dict[str, Any]

HASH = "pod-template-hash"
ROLLING_UPDATE = {
    "type": "RollingUpdate",
    "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"},
}
PROGRESS_DEADLINE_S = 600
TIMED_OUT = "ProgressDeadlineExceeded"
LETTERS = str.maketrans("0123456789abcdef", "bcdfghjklmnpqrst")  # never a revision's number
COMPLETE = "NewReplicaSetAvailable"
# Fields of a predictor that say nothing about its pods.
ELSEWHERE = METADATA_FIELDS.union(
    LEGACY,
    {"name", "deploymentStrategy", "containerConcurrency", "timeout"},
    {"scaleTarget", "scaleMetric", "scaleMetricType", "autoScaling"},
)


@dataclass(frozen=True)
class Moment:
    """The time of a look, and for how long the newest pod has been there."""

    now: str
    waited_s: float = 0.0


def template_of(service: str, variant: Variant) -> JSON:
    """Return the pod template of a predictor; a promotion keeps it, so it restarts nothing."""
    pod = pod_template(service, variant.predictor, ELSEWHERE)
    labels = {**pod["metadata"]["labels"], **selector_of(variant.deployment)}
    return {**pod, "metadata": {**pod["metadata"], "labels": labels}}


def selector_of(deployment: str) -> dict[str, str]:
    """Return the label by which a Deployment knows its pods."""
    return {"app": f"isvc.{deployment}"}


def deployment_of(isvc: Mapping[str, Any], variant: Variant, replicas: int) -> JSON:
    """Return the Deployment that KServe would make of a predictor."""
    template = template_of(isvc["metadata"]["name"], variant)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": variant.deployment,
            "namespace": isvc["metadata"]["namespace"],
            "labels": template["metadata"]["labels"],
            "ownerReferences": [owner(isvc)],
        },
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": selector_of(variant.deployment)},
            "strategy": variant.predictor.get("deploymentStrategy") or ROLLING_UPDATE,
            "progressDeadlineSeconds": PROGRESS_DEADLINE_S,
            "template": template,
        },
    }


def newest_pod(deployment: Mapping[str, Any]) -> str | None:
    """Return the name of the pod of the present template; None where no replicas are wanted."""
    if not deployment["spec"]["replicas"]:
        return None
    return f"{deployment['metadata']['name']}-{template_hash(deployment)}"


def template_hash(deployment: Mapping[str, Any]) -> str:
    """Return what tells one template from another."""
    digest = sha256(canonical(deployment["spec"]["template"]).encode()).hexdigest()
    return digest[:10].translate(LETTERS)


def pod_of(deployment: Mapping[str, Any]) -> JSON:
    """Return the Pod of a stored Deployment's present template."""
    metadata, template = deployment["metadata"], deployment["spec"]["template"]
    own = {HASH: template_hash(deployment), DEPLOYMENT: metadata["name"]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": newest_pod(deployment),
            "namespace": metadata["namespace"],
            "labels": {**template["metadata"]["labels"], **own},
            "annotations": template["metadata"]["annotations"],
            "ownerReferences": [owner(deployment)],
        },
        "spec": template["spec"],
    }


def is_recreated(deployment: Mapping[str, Any]) -> bool:
    """Say whether the old pods end before the new ones begin."""
    return bool(deployment["spec"]["strategy"].get("type") == "Recreate")


# -- what is seen of them


def deployment_status(
    deployment: Mapping[str, Any], pods: Pods, observed: Mapping[str, Observed], at: Moment
) -> JSON:
    """Return a Deployment's status."""
    replicas = deployment["spec"]["replicas"]
    available = replicas if any(ready(pod, observed) for pod in pods.needed) else 0
    before = deployment.get("status", {}).get("conditions", ())
    answering = ready(pods.newest, observed) or pods.newest is None
    conditions = (_available(available >= replicas), _progressing(pods, answering, before, at))
    return {
        "observedGeneration": deployment["metadata"]["generation"],
        "replicas": replicas,
        "updatedReplicas": replicas,
        "readyReplicas": available,
        "availableReplicas": available,
        "conditions": dated(conditions, before, at.now),
    }


def predictor_condition(found: Iterable[Mapping[str, Any]]) -> Condition:
    """Return PredictorReady out of a Deployment's conditions (KServe's PropagateRawStatus)."""
    by_type = {entry["type"]: entry for entry in found}
    available, progress = by_type["Available"], by_type["Progressing"]
    decisive = available
    stuck, complete = progress["status"] == "False", progress["reason"] == COMPLETE
    if available["status"] == "True" and (stuck or complete):
        decisive = progress
    return Condition("PredictorReady", decisive["status"], decisive["reason"], decisive["message"])


def pod_status(pod: Mapping[str, Any], seen: Observed, now: str) -> JSON:
    """Return a Pod's status."""
    answering = seen.phase is Phase.READY
    kinds = (
        Condition(kind, "True" if answering else "False", seen.reason, seen.message)
        for kind in ("Ready", "ContainersReady")
    )
    container = {
        "name": "kserve-container",
        "image": "",
        "imageID": "",
        "ready": answering,
        "restartCount": 0,
        **_container_state(seen),
    }
    return {
        "phase": "Pending" if seen.phase in (Phase.STARTING, Phase.STOPPED) else "Running",
        "conditions": dated(kinds, pod.get("status", {}).get("conditions", ()), now),
        "containerStatuses": [container],
    }


def _container_state(seen: Observed) -> JSON:
    match seen.phase:
        case Phase.READY:
            return {"state": {"running": {}}}
        case Phase.STARTING | Phase.STOPPED:
            return {"state": {"waiting": {"reason": "ContainerCreating"}}}
        case Phase.FAILED | Phase.UNHEALTHY:
            ended = {"exitCode": seen.exit_code or 0, "reason": "Error", "message": seen.message}
            waiting = {"reason": "CrashLoopBackOff", "message": seen.message}
            return {"state": {"waiting": waiting}, "lastState": {"terminated": ended}}


def _available(enough: bool) -> Condition:
    if enough:
        said = "Deployment has minimum availability."
        return Condition("Available", "True", "MinimumReplicasAvailable", said)
    said = "Deployment does not have minimum availability."
    return Condition("Available", "False", "MinimumReplicasUnavailable", said)


def _progressing(
    pods: Pods, answering: bool, before: Iterable[Mapping[str, Any]], at: Moment
) -> Condition:
    """Return Progressing; a Deployment that was complete stays so when its pod crashes later."""
    replicas = f'ReplicaSet "{pods.newest}"'
    complete = f"{replicas} has successfully progressed."
    if answering or complete in {entry.get("message") for entry in before}:
        return Condition("Progressing", "True", COMPLETE, complete)
    if at.waited_s >= PROGRESS_DEADLINE_S:
        return Condition(
            "Progressing", "False", TIMED_OUT, f"{replicas} has timed out progressing."
        )
    return Condition("Progressing", "True", "ReplicaSetUpdated", f"{replicas} is progressing.")
