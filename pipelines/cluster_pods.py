"""Why a step's pod does not start: no image, no room, a Secret that is not there.

The API of Kubeflow Pipelines only says PENDING. Its UI has the pods at `/k8s/pod`, for its own page
of a step; where the address is the API's alone, the sentence says what to ask Kubernetes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pipelines.cluster import Cluster
from pipelines.cluster_steps import ClusterRun, Task, pods
from pipelines.errors import ClusterError


def trouble(cluster: Cluster, run: ClusterRun, step: str, known: Mapping[str, Task]) -> str:
    """Return one sentence on why a step's pod does not work yet."""
    task = known.get(step)
    found = pods(run, step, task) if task else ()
    names = [pod.name for pod in found]
    for name in names:
        why = reason(_pod(cluster, name))
        if why:
            return f"the pod {name} does not start: {why}"
    named = names[-1] if names else f"-l pipeline/runid={run.run_id}"
    within = cluster.place.namespace or "kubeflow"
    return f"its pod still waits; `kubectl -n {within} describe pod {named}` says for what"


def reason(pod: Mapping[str, Any]) -> str:
    """Return why a pod (of the Kubernetes API) waits, "" where it does not or does not say."""
    status = pod.get("status") or {}
    for state in _waiting(status):
        code, message = str(state.get("reason") or ""), str(state.get("message") or "")
        if code in ("", "ContainerCreating", "PodInitializing"):
            continue
        return f"{code}: {' '.join(message.split())}{_remedy(code)}"
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return f"{condition.get('reason')}: {' '.join(str(condition.get('message')).split())}"
    return ""


def _waiting(status: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for kind in ("initContainerStatuses", "containerStatuses"):
        for each in status.get(kind) or ():
            waiting = (each.get("state") or {}).get("waiting")
            if waiting:
                yield waiting


def _remedy(code: str) -> str:
    if code in ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"):
        return (
            "; is the image pushed where the cluster can pull it? KANARYA_COMPONENTS_IMAGE and "
            "KANARYA_IMAGES_IMAGE name it"
        )
    return ""


def _pod(cluster: Cluster, name: str) -> Mapping[str, Any]:
    """Return a pod as the UI shows it; {} where there is no UI at the address, or no such pod."""
    query = {"podname": name, "podnamespace": cluster.place.namespace or "kubeflow"}
    try:
        found = json.loads(cluster.text("see the pod", "/k8s/pod", query))
    except (ClusterError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
