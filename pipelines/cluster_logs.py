"""What a step wrote, from a cluster.

The API has the logs at `/apis/v1alpha1/runs/{run}/nodes/{pod}/log` (main.go of the API server up to
2.17 at least; no SDK knows it), where a pod that is gone is looked for in the archive by the id of
its node. It answers 200 also where it fails, with `{"error_message": …}`. The UI in front of it
does not pass that path on and has `/k8s/pod/logs` of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from pipelines.cluster import Cluster
from pipelines.cluster_errors import said
from pipelines.cluster_steps import ClusterRun, Pod, Task, pods
from pipelines.errors import ClusterError, NoApi, NotThere, Unreachable


def log(cluster: Cluster, run: ClusterRun, step: str, known: Mapping[str, Task]) -> str:
    """Return what a step wrote; of a step that was tried again, or of a loop, one after the other.

    Raises NotThere where it has no pod (yet), and ClusterError where no log is to be had.
    """
    task = known.get(step)
    found = pods(run, step, task) if task else ()
    if not found:
        raise NotThere(f"{step} has no pod, so there is no log: it was cached, or has not begun")
    return "".join(_lines(_of_pod(cluster, run, pod)) for pod in found)


def _of_pod(cluster: Cluster, run: ClusterRun, pod: Pod) -> str:
    reasons: list[str] = []
    for path, query in _places(cluster, run, pod):
        try:
            text = cluster.text("read the log", path, query)
        except (NoApi, NotThere):  # the API has no such path, or the UI no such pod
            continue
        except Unreachable:
            raise
        except ClusterError as error:
            reasons.append(str(error))
            continue
        why = _failure(text)
        if not why:
            return text
        reasons.append(why)
    why = f" ({reasons[0]})" if reasons else ""
    page = cluster.place.page("runs", run.run_id)
    raise ClusterError(
        f"the log of the pod {pod.name} cannot be had{why}: it may be removed, and its log not "
        f"archived; see {page}"
    )


def _places(cluster: Cluster, run: ClusterRun, pod: Pod) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield where a pod's log may be: at the API, at the UI; by the name of pod and node.

    The archive knows the node's; so does a workflow controller with POD_NAMES=v1.
    """
    for name in (pod.name, pod.node_id):
        yield f"/apis/v1alpha1/runs/{run.run_id}/nodes/{name}/log", {}
    for name in (pod.name, pod.node_id):
        query = {"podname": name, "runid": run.run_id, "podnamespace": cluster.place.namespace}
        yield "/k8s/pod/logs", {key: value for key, value in query.items() if value}


def _failure(text: str) -> str:
    """Return what an answer with status 200 says went wrong, "" where it is a log."""
    if not text.startswith('{"error_message"'):
        return ""
    try:
        json.loads(text)
    except ValueError:
        return ""
    return said(text)


def _lines(text: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}\n"
