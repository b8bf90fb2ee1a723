"""The compiled pipelines as kfp's own messages, and as plain values; each is read once."""

from collections.abc import Iterator
from functools import lru_cache
from operator import itemgetter
from typing import Any

import yaml
from google.protobuf import json_format
from kfp.kubernetes.kubernetes_executor_config_pb2 import KubernetesExecutorConfig
from kfp.pipeline_spec.pipeline_spec_pb2 import PipelineSpec, PipelineTaskSpec, PlatformSpec

from pipelines import compile as compiled

NAMES = compiled.PIPELINES


@lru_cache
def documents(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The two documents of a compiled pipeline: for KFP, and for Kubernetes."""
    graph, platform = yaml.load_all(compiled.path(name).read_text(), yaml.CSafeLoader)
    return graph, platform


@lru_cache
def graph(name: str) -> PipelineSpec:
    return json_format.ParseDict(documents(name)[0], PipelineSpec())


@lru_cache
def platform(name: str) -> PlatformSpec:
    return json_format.ParseDict(documents(name)[1], PlatformSpec())


def parameters(name: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = documents(name)[0]["root"]["inputDefinitions"]["parameters"]
    return found


def tasks(name: str) -> Iterator[tuple[str, PipelineTaskSpec, str]]:
    """Every task that is a step, wherever it is nested: its name, itself, its executor's label."""
    spec = graph(name)
    groups = [spec.root, *(c for c in spec.components.values() if c.HasField("dag"))]
    for group in groups:
        for key, task in group.dag.tasks.items():
            component = spec.components[task.component_ref.name]
            if component.executor_label:
                yield key, task, component.executor_label


def container(name: str, label: str) -> dict[str, Any]:
    executors = documents(name)[0]["deploymentSpec"]["executors"]
    found: dict[str, Any] = executors[label]["container"]
    return found


def pod(name: str, label: str) -> KubernetesExecutorConfig:
    executors = documents(name)[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    return json_format.ParseDict(executors[label], KubernetesExecutorConfig())


def steps() -> list[tuple[str, str, PipelineTaskSpec, str]]:
    """Every step of every pipeline: the pipeline, its name, its task, its executor's label.

    Sorted, since protobuf's maps have another order in each process, and workers compare theirs.
    """
    return [(name, *found) for name in NAMES for found in sorted(tasks(name), key=itemgetter(0))]
