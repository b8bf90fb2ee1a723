"""How a pipeline run ended, by what the engine and its pods say: values in, values out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from components.tracked_outcome import CANCELLED, FAILED, SUCCEEDED

STATES = {
    **dict.fromkeys(("SUCCEEDED", "COMPLETE", "CACHED"), SUCCEEDED),
    **dict.fromkeys(("CANCELLED", "CANCELED", "CANCELLING", "CANCELING"), CANCELLED),
    **dict.fromkeys(("FAILED", "ERROR", "SYSTEM_ERROR"), FAILED),
}
"""The words of kfp.local, of Kubeflow Pipelines' API and of its metadata store."""
STEP = "app.kubernetes.io/component"
NODE = "workflows.argoproj.io/node-name"
_KILLED = {
    "OOMKilled": "it was killed because it took more memory than its limit, {memory}; give more",
    "DeadlineExceeded": "it was ended because its time was over",
    "Evicted": "its node put it out",
}


def outcome(state: str, failed: bool) -> str:
    """Return succeeded, failed or cancelled.

    `failed`: whether a pod of the run failed for good; it decides where the engine has not heard
    yet, as Kubeflow may not when its exit handler starts (RUNNING).
    """
    return STATES.get(state.upper(), FAILED if failed else SUCCEEDED)


def failure(pods: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """Return the step that failed first and for good, and why; both are "" where none did.

    `pods`: as the Kubernetes API has them. A step that was tried again and did it has not failed.
    """
    done = {_step(pod) for pod in pods if _phase(pod) == "Succeeded"}
    failed = [pod for pod in pods if _phase(pod) == "Failed" and _step(pod) not in done]
    if not failed:
        return "", ""
    first = min(failed, key=_created)
    return _step(first), _reason(first)


def began(pods: Sequence[Mapping[str, Any]]) -> float | None:
    """Return when the first pod was made, in seconds since 1970; None without pods."""
    made = [datetime.fromisoformat(_created(pod)).timestamp() for pod in pods if _created(pod)]
    return min(made, default=None)


def words(last: str) -> tuple[str, str]:
    """Return step and reason of the line that a step left behind when it failed."""
    step, found, reason = last.strip().partition(": ")
    return (step, reason) if found else ("", step)


def _phase(pod: Mapping[str, Any]) -> str:
    return str(pod.get("status", {}).get("phase", ""))


def _created(pod: Mapping[str, Any]) -> str:
    return str(pod.get("metadata", {}).get("creationTimestamp", ""))


def _step(pod: Mapping[str, Any]) -> str:
    """Return the step's name; of Kubeflow's own pods (a driver) the last part of Argo's."""
    about = pod.get("metadata", {})
    node = str(about.get("annotations", {}).get(NODE, ""))
    return str(about.get("labels", {}).get(STEP) or node.rpartition(".")[2])


def _reason(pod: Mapping[str, Any]) -> str:
    ends = list(_ends(pod))
    said = next((str(end["message"]).strip() for end in ends if end.get("message")), "")
    if said:
        return words(said)[1]
    status = pod.get("status", {})
    why = [str(each) for each in (status.get("reason"), *(e.get("reason") for e in ends)) if each]
    known = next((_KILLED[each] for each in why if each in _KILLED), "")
    if known:
        return known.format(memory=_memory(pod))
    code = next((end["exitCode"] for end in ends), None)
    return str(status.get("message") or f"its container ended with {code}; its log says more")


def _ends(pod: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield how the containers ended that did not end well, the step's own first."""
    statuses = pod.get("status", {}).get("containerStatuses", ())
    for each in sorted(statuses, key=lambda each: each.get("name") != "main"):
        end = each.get("state", {}).get("terminated")
        if end and end.get("exitCode"):
            yield end


def _memory(pod: Mapping[str, Any]) -> str:
    for container in pod.get("spec", {}).get("containers", ()):
        if container.get("name") == "main":
            return str(container.get("resources", {}).get("limits", {}).get("memory", "unknown"))
    return "unknown"
