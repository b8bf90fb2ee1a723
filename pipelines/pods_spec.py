"""The part of a spec that says what a cluster gives the steps; on one machine nothing reads it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Cpu = Annotated[str, Field(pattern=r"^([1-9]\d*m|[1-9]\d*(\.\d+)?|0\.\d*[1-9]\d*)$")]
GPU = "nvidia.com/gpu"
Memory = Annotated[str, Field(pattern=r"^[1-9]\d*(K|M|G|T|Ki|Mi|Gi|Ti)?$")]


class _Part(BaseModel):
    # `cpu: 4` in YAML is a number.
    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


class Pods(_Part):
    """What each step gets that holds data or trains."""

    cpu: Cpu = Field("2", description='CPUs, such as 4 or "500m"')
    memory: Memory = Field("4Gi", description="memory, such as 16Gi")


class Toleration(_Part):
    """A taint that a pod bears, as Kubernetes writes it."""

    key: str | None = None
    operator: Literal["Exists", "Equal"] | None = None
    value: str | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    tolerationSeconds: int | None = None  # noqa: N815 - Kubernetes' name


class ImagePods(Pods):
    """What each step gets that holds pictures or trains, and where the training may run."""

    cpu: Cpu = Field("4", description='CPUs, such as 4 or "500m"')
    memory: Memory = Field("8Gi", description="memory, such as 16Gi")
    gpus: int = Field(0, ge=0, le=64, description="GPUs (nvidia.com/gpu) of the training")
    node_selector: dict[str, str] = Field(
        default_factory=dict, description="labels of the nodes that may train"
    )
    tolerations: tuple[Toleration, ...] = Field((), description="taints that the training bears")


def resources(pods: Pods) -> dict[str, dict[str, str]]:
    """Return what a container asks for and may take, the same of both, as Kubernetes writes it."""
    sizes = {"cpu": pods.cpu, "memory": pods.memory}
    gpus = {GPU: str(pods.gpus)} if isinstance(pods, ImagePods) and pods.gpus else {}
    return {"requests": {**sizes, **gpus}, "limits": {**sizes, **gpus}}


def pods_arguments(pods: Pods) -> dict[str, Any]:
    """Return the parameters of the pipeline; Kubernetes' quantities are texts there."""
    sizes = {"cpu": pods.cpu, "memory": pods.memory}
    if not isinstance(pods, ImagePods):
        return sizes
    return {
        **sizes,
        "gpus": str(pods.gpus),
        "node_selector": dict(pods.node_selector),
        "tolerations": tolerations(pods),
    }


def tolerations(pods: ImagePods) -> list[dict[str, Any]]:
    """Return the taints that a pod bears, as Kubernetes writes them."""
    return [each.model_dump(exclude_none=True) for each in pods.tolerations]
