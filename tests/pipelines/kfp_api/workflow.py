"""The nodes of an Argo workflow as Kubeflow Pipelines 2.17's compiler lays them out.

backend/src/v2/compiler/argocompiler: a task is `<task>-driver` and `<task>`; of a container the
latter is a graph of one `executor`, of a graph the graph itself; a loop has `iteration-…` between.
A node's id is the workflow's name and the FNV-1a of the node's path.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

ZERO = -62135596800  # the seconds of Go's zero time
EMPTY: dict[str, Any] = {}


def fnv1a(text: str) -> int:
    found = 2166136261
    for byte in text.encode():
        found = ((found ^ byte) * 16777619) % 2**32
    return found


def moment(seconds: float) -> str:
    """RFC 3339, as protojson writes a Timestamp."""
    if seconds == ZERO:
        return "0001-01-01T00:00:00Z"
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


@dataclass
class ArgoNode:
    path: str
    state: str = "PENDING"
    started: float = ZERO
    ended: float = ZERO
    children: list[str] = field(default_factory=list)

    @property
    def display_name(self) -> str:
        return self.path.rsplit(".", 1)[-1]


class Workflow:
    """What runs of one pipeline; a test moves it on step by step."""

    def __init__(
        self, name: str, spec: dict[str, Any], run_id: str, clock: Any = time.time
    ) -> None:
        self.name, self.run_id, self.clock = name, run_id, clock
        inner = spec.get("pipeline_spec", spec)
        self.platform = spec.get("platform_spec", EMPTY)
        self.components = inner.get("components", EMPTY)
        self.nodes: dict[str, ArgoNode] = {}
        self.paths: dict[str, list[str]] = {}
        self.templates: dict[str, str] = {}
        self._walk(inner["root"], [f"{name}.root"])
        self._add(name, "RUNNING")

    def _walk(self, component: dict[str, Any], above: list[str]) -> None:
        for task, spec in component["dag"].get("tasks", EMPTY).items():
            inner = self.components[spec["componentRef"]["name"]]
            path = f"{above[-1]}.{task}"
            if "dag" in inner:
                within = [path]
                if "parameterIterator" in spec:
                    one = f"{path}.iteration-iterations(0:0)"
                    within += [one, f"{one}.iteration-item"]
                self._walk(inner, [*above, *within])
            else:
                self.paths[task] = [*above, path]
                self.templates[task] = self._template(spec, inner)

    def _template(self, task: dict[str, Any], component: dict[str, Any]) -> str:
        name = "system-container-impl"
        name = f"retry-{name}" if "retryPolicy" in task else name
        executors = self.platform.get("platforms", EMPTY).get("kubernetes", EMPTY)
        executors = executors.get("deploymentSpec", EMPTY).get("executors", EMPTY)
        metadata = executors.get(component["executorLabel"], EMPTY).get("podMetadata")
        if metadata is None:
            return name
        counts = len(metadata.get("annotations", "")), len(metadata.get("labels", ""))
        return f"metadata-{counts[0]}-{counts[1]}-{name}"

    def _add(self, path: str, state: str) -> ArgoNode:
        node = self.nodes.setdefault(path, ArgoNode(path, state, self.clock()))
        node.state = state
        if state not in ("PENDING", "RUNNING") and node.ended == ZERO:
            node.ended = self.clock()
        return node

    def _id(self, path: str) -> str:
        return f"{self.name}-{fnv1a(path)}"

    def pod(self, step: str, attempt: int | None = None) -> str:
        """The pod of a step's executor, as it is called in the cluster."""
        suffix = "" if attempt is None else f"({attempt})"
        number = fnv1a(f"{self.paths[step][-1]}.executor{suffix}")
        return f"{self.name}-{self.templates[step]}-{number}"

    def node_id(self, step: str) -> str:
        """The id of the node of a step's executor, or of its first attempt."""
        return self._id(f"{self.paths[step][-1]}.executor{'(0)' if self.retries(step) else ''}")

    def retries(self, step: str) -> bool:
        return "retry-" in self.templates[step]

    def begin(self, step: str, executor: str = "RUNNING") -> None:
        """Its driver is through and its pod is there (or still waits: PENDING)."""
        for path in self.paths[step][:-1]:
            self._add(path, "RUNNING")
        path = self.paths[step][-1]
        self._add(f"{path}-driver", "SUCCEEDED").children = [self._id(path)]
        self._add(path, "RUNNING").children = [self._id(f"{path}.executor")]
        self._executor(step, executor)

    def _executor(self, step: str, state: str, attempt: int = 0) -> None:
        path = f"{self.paths[step][-1]}.executor"
        node = self._add(path, state)
        if self.retries(step):
            tried = [self._id(f"{path}({n})") for n in range(attempt + 1)]
            node.children = tried
            self._add(f"{path}({attempt})", state)

    def again(self, step: str) -> None:
        """Its first attempt failed, its second is under way."""
        self._add(f"{self.paths[step][-1]}.executor(0)", "FAILED")
        self._executor(step, "RUNNING", 1)

    def end(self, step: str, state: str = "SUCCEEDED") -> None:
        path = self.paths[step][-1]
        for node in self.nodes.values():
            if node.path.startswith(f"{path}.executor") and node.state in ("PENDING", "RUNNING"):
                self._add(node.path, state)
        self._add(path, state)

    def fail_driver(self, step: str) -> None:
        for path in self.paths[step][:-1]:
            self._add(path, "RUNNING")
        self._add(f"{self.paths[step][-1]}-driver", "FAILED")

    def run(self, *steps: str) -> None:
        for step in steps:
            self.begin(step)
            self.end(step)

    def finish(self, state: str = "SUCCEEDED") -> None:
        for node in self.nodes.values():
            if node.state in ("PENDING", "RUNNING"):
                self._add(node.path, state)

    def details(self) -> Iterator[dict[str, Any]]:
        """The API's task_details; a pod's name is not among them in 2.17."""
        for number, (path, node) in enumerate(sorted(self.nodes.items())):
            detail = {
                "run_id": self.run_id,
                "task_id": f"00000000-0000-4000-8000-{number:012}",
                "display_name": node.display_name,
                "create_time": moment(node.started),
                "start_time": moment(node.started),
                "end_time": moment(node.ended),
                "state": node.state,
            }
            if node.children:
                detail["child_tasks"] = [{"pod_name": child} for child in node.children]
            assert path
            yield detail
