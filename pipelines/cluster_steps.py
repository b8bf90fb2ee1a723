"""What the API says of a run, as steps: pure, no network.

Kubeflow Pipelines runs a graph as an Argo workflow, and its API lists the workflow's nodes
(backend/src/apiserver/server/api_converter.go): of a step `train` a pod `train-driver`, which
resolves its inputs, then `train` itself, a graph of one node `executor`, whose pod does the work; a
step that may be repeated has attempts `executor(0)`, `executor(1)`, … below that. Graphs (branches,
loops, the exit handler) are nodes as well, with drivers of their own. A node's `child_tasks` are
ids `<workflow>-<FNV-1a of its path>`; its pod is `<workflow>-<template>-<the same number>`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pipelines.journal import FAILED, RUNNING, SUCCEEDED, Step

FINAL = frozenset({"SUCCEEDED", "FAILED", "CANCELED", "SKIPPED"})
UNDER_WAY = frozenset({"PENDING", "RUNNING", "CANCELING", "PAUSED"})
CANCELLED = frozenset({"CANCELING", "CANCELED"})
_FNV_PRIME = 16777619


@dataclass(frozen=True)
class Node:
    """One node of the workflow; times in seconds since 1970, 0 where there is none yet."""

    name: str
    state: str
    started: float = 0.0
    ended: float = 0.0
    children: tuple[str, ...] = ()


@dataclass(frozen=True)
class Task:
    """What the pipeline's YAML says of a step: the template of its pod, the loop around it."""

    template: str
    loop: str = ""


@dataclass(frozen=True)
class ClusterRun:
    """A run as the API has it.

    `spec`: its pipeline's YAML, {} where it only refers to one. `cancelled`: somebody asked for its
    end; Argo knows no such end, so its state is FAILED afterwards.
    """

    run_id: str
    name: str
    state: str
    created: float = 0.0
    finished: float = 0.0
    experiment_id: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    nodes: tuple[Node, ...] = ()
    spec: Mapping[str, Any] = field(default_factory=dict)
    reference: tuple[str, str] | None = None
    error: str = ""
    cancelled: bool = False


@dataclass(frozen=True)
class Pod:
    """Where a step's work is done: the id of its node, the name of its pod."""

    node_id: str
    name: str


def from_api(record: Mapping[str, Any]) -> ClusterRun:
    """Return the run in an API object's fields (`V2beta1Run.to_dict()`)."""
    config, version = record.get("runtime_config") or {}, record.get("pipeline_version_reference")
    known = (version or {}).get("pipeline_id"), (version or {}).get("pipeline_version_id")
    history = {each.get("state") for each in record.get("state_history") or ()}
    return ClusterRun(
        run_id=str(record.get("run_id") or ""),
        name=str(record.get("display_name") or ""),
        state=str(record.get("state") or "PENDING"),
        created=_seconds(record.get("created_at")),
        finished=_seconds(record.get("finished_at")),
        experiment_id=str(record.get("experiment_id") or ""),
        arguments=config.get("parameters") or {},
        nodes=tuple(_nodes(record)),
        spec=record.get("pipeline_spec") or {},
        reference=(str(known[0]), str(known[1])) if all(known) else None,
        error=str((record.get("error") or {}).get("message") or ""),
        cancelled=bool(CANCELLED & {*history, record.get("state")}),
    )


def tasks(spec: Mapping[str, Any]) -> dict[str, Task]:
    """Return the steps of a pipeline's YAML, {} of none; graphs within graphs are gone through."""
    inner = spec.get("pipeline_spec") or spec
    platform = spec.get("platform_spec") or {}
    components = inner.get("components") or {}
    return dict(_tasks(inner.get("root") or {}, components, _executors(platform), ""))


def defaults(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that a pipeline's YAML has values for, {} of none."""
    inner = spec.get("pipeline_spec") or spec
    known = (inner.get("root") or {}).get("inputDefinitions") or {}
    parameters = (known.get("parameters") or {}).items()
    return {name: each["defaultValue"] for name, each in parameters if "defaultValue" in each}


def steps(run: ClusterRun, known: Mapping[str, Task]) -> tuple[Step, ...]:
    """Return the steps that have begun, in that order; those of a branch not taken are left out."""
    found = [_step(name, task, run.nodes) for name, task in known.items()]
    return tuple(sorted(filter(None, found), key=lambda step: step.started))


def changes(before: Mapping[str, Step], now: Iterable[Step]) -> list[Step]:
    """Return what began and what ended between two looks, as the local run tells it."""
    events: list[Step] = []
    for step in now:
        last = before.get(step.name)
        if last is None:
            events.append(Step(step.name, RUNNING, step.started))
        if step.ended is not None and (last is None or last.ended is None):
            events.append(step)
    return events


def pods(run: ClusterRun, name: str, task: Task) -> tuple[Pod, ...]:
    """Return the pods in which a step worked: of a loop's step many, of a repeated one each try."""
    seen = {child for node in run.nodes for child in node.children}
    executors = [child for node in run.nodes if node.name == name for child in node.children]
    found = [each for one in executors for each in _attempts(one, seen) or [one]]
    return tuple(Pod(each, _pod_name(each, task.template)) for each in found)


def is_waiting(run: ClusterRun) -> bool:
    """Say whether nothing has begun, or a pod does not work yet: no room for it, or no image."""
    if not run.nodes:
        return run.state == "PENDING"
    working = [node for node in run.nodes if node.name.startswith("executor")]
    return any(node.state == "PENDING" for node in working)


def failed_driver(run: ClusterRun, name: str) -> bool:
    """Say whether a step failed before its own pod was there."""
    return any(n.name == f"{name}-driver" and n.state == "FAILED" for n in run.nodes)


def _nodes(record: Mapping[str, Any]) -> Iterator[Node]:
    for each in (record.get("run_details") or {}).get("task_details") or ():
        children = [child.get("pod_name") for child in each.get("child_tasks") or ()]
        yield Node(
            name=str(each.get("display_name") or ""),
            state=str(each.get("state") or "PENDING"),
            started=_seconds(each.get("start_time")),
            ended=_seconds(each.get("end_time")),
            children=tuple(str(child) for child in children if child),
        )


def _seconds(moment: datetime | None) -> float:
    """Return seconds since 1970; Go's zero time, which stands for "not yet", is 0."""
    return moment.timestamp() if moment is not None and moment.year > 1970 else 0.0


def _tasks(
    component: Mapping[str, Any], known: Mapping[str, Any], executors: Mapping[str, Any], loop: str
) -> Iterator[tuple[str, Task]]:
    for name, task in ((component.get("dag") or {}).get("tasks") or {}).items():
        inner = known.get(task["componentRef"]["name"]) or {}
        if "dag" in inner:
            within = name if "parameterIterator" in task or "artifactIterator" in task else loop
            yield from _tasks(inner, known, executors, within)
        else:
            pod = executors.get(str(inner.get("executorLabel"))) or {}
            yield name, Task(_template("retryPolicy" in task, pod.get("podMetadata")), loop)


def _executors(platform: Mapping[str, Any]) -> Mapping[str, Any]:
    kubernetes = (platform.get("platforms") or {}).get("kubernetes") or {}
    found: Mapping[str, Any] = (kubernetes.get("deploymentSpec") or {}).get("executors") or {}
    return found


def _template(repeated: bool, metadata: Mapping[str, Any] | None) -> str:
    """Return what the backend calls the template of a step's pod (argocompiler/container.go)."""
    name = "retry-system-container-impl" if repeated else "system-container-impl"
    if metadata is None:
        return name
    counts = (len(metadata.get(kind) or {}) for kind in ("annotations", "labels"))
    return "-".join(["metadata", *map(str, counts), name])


def _step(name: str, task: Task, nodes: Iterable[Node]) -> Step | None:
    named: dict[str, list[Node]] = {name: [], f"{name}-driver": [], task.loop: []}
    for node in nodes:
        if node.name in named:
            named[node.name].append(node)
    own = [node for node in named[name] if node.state != "SKIPPED"]
    before = [node for node in named[f"{name}-driver"] if node.state != "SKIPPED"]
    around = named[task.loop] if task.loop else []
    if not own and not any(node.state in UNDER_WAY or node.state == "FAILED" for node in before):
        return None
    started = min(node.started for node in own or before)
    if any(node.state in UNDER_WAY for node in (*own, *around)) or not (own or _failed(before)):
        return Step(name, RUNNING, started)
    status = FAILED if _failed([*own, *before]) else SUCCEEDED
    return Step(name, status, started, max(node.ended for node in own or before))


def _failed(nodes: Iterable[Node]) -> bool:
    return any(node.state in ("FAILED", "CANCELED") for node in nodes)


def _attempts(executor: str, seen: Iterable[str]) -> list[str]:
    """Return the ids of an executor's attempts that are there; none where it is not repeated.

    The id ends in the FNV-1a of the node's path, and that of `path(0)` goes on from it.
    """
    workflow, _, number = executor.rpartition("-")
    found: list[str] = []
    while number.isdigit():
        attempt = f"{workflow}-{_fnv(int(number), f'({len(found)})'.encode())}"
        if attempt not in seen:
            break
        found.append(attempt)
    return found


def _fnv(state: int, more: bytes) -> int:
    for byte in more:
        state = ((state ^ byte) * _FNV_PRIME) & 0xFFFFFFFF
    return state


def _pod_name(node_id: str, template: str) -> str:
    workflow, _, number = node_id.rpartition("-")
    return f"{workflow}-{template}-{number}"
