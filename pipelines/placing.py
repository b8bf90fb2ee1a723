"""What a step asks of a cluster: its size, its time, its settings and secrets, another try.

kfp.local reads nothing of it but the retries, which `pipelines.local` takes out: on one machine
there is no other node to go to. The names are told in docs/kubeflow.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kfp import dsl, kubernetes

from pipelines.pods_spec import GPU

CONFIG = "kanarya-config"
MLFLOW, STORE, SIGNING = "kanarya-mlflow", "kanarya-store", "kanarya-signing"
ACCOUNT = "kanarya-pipeline"
"""The ServiceAccount that a run is submitted with; the YAML has no place for it."""
USER = 50000
HOME = "/tmp/kanarya"
"""Where a step keeps what nobody else needs: the only place that its pod can write to."""

# Kubeflow's own MLflow integration sets MLFLOW_TRACKING_URI itself, and a pod with a variable twice
# is refused; so ours comes under another name, and gives way (serving.settings).
NEEDED = {
    "MLFLOW_TRACKING_URI": "KANARYA_TRACKING_URI",
    "KANARYA_MODEL_STORE": "KANARYA_MODEL_STORE",
    "KANARYA_NAMESPACE": "KANARYA_NAMESPACE",
}
"""Keys of the ConfigMap to the variables that steps read; without one of them no pod starts."""
WELCOME = (
    "KANARYA_LEDGER",
    "KANARYA_DEPLOYMENT_MODE",
    "KANARYA_PREDICTOR_ACCOUNT",
    "KANARYA_METRICS",
    "KANARYA_PROMETHEUS_URL",
    "KANARYA_PROMETHEUS_TOKEN_FILE",
    "KANARYA_PROMETHEUS_CA_FILE",
    "KANARYA_FEEDBACK_URL",
    "KANARYA_SIGNING_KEY",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES",
    "MLFLOW_HTTP_REQUEST_TIMEOUT",
    "MLFLOW_S3_ENDPOINT_URL",
    "AWS_ENDPOINT_URL",
    "AWS_DEFAULT_REGION",
    "GOOGLE_CLOUD_PROJECT",
    "GOOGLE_APPLICATION_CREDENTIALS",
)
"""Keys of the ConfigMap that may be left out."""
KEYS = {
    MLFLOW: ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"),
    STORE: ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
}
"""Keys of the Secrets, each of them optional, which are the variables' names too."""
FOLDERS = {STORE: "/etc/kanarya/store", SIGNING: "/etc/kanarya/signing"}
"""Where Secrets are mounted as files."""


@dataclass(frozen=True)
class Size:
    """What a pod is given, as Kubernetes writes it; or parameters of the pipeline, all texts."""

    cpu: Any
    memory: Any
    cpu_limit: Any = None
    memory_limit: Any = None


LIGHT = Size("250m", "512Mi", "1", "2Gi")
"""For steps that hold no data: MLflow's library alone takes 300 MB."""


@dataclass(frozen=True)
class Pod:
    """What one step asks of a cluster.

    size      what is kept free for it, and the most that it may take
    hours     after which its pod is ended, image pull included
    secrets   which of the Secrets it is given
    scratch   the most that it may put into /tmp
    retries   how often it is tried again, whatever it failed of: KFP cannot tell why
    cached    whether an earlier answer to the same inputs will do
    """

    size: Size
    hours: float = 1
    secrets: tuple[str, ...] = (MLFLOW,)
    scratch: str = "4Gi"
    retries: int = 0
    cached: bool = False


@dataclass(frozen=True)
class Node:
    """Where a step's pod may run: parameters of the pipeline. `gpus`: how many, as a text."""

    gpus: Any
    selector: Any
    tolerations: Any


def placed(task: Any, title: str, pod: Pod, node: Node | None = None) -> Any:
    """Tell the task of a graph that is being made what its pod is like; return the task.

    `title`: what people see in the graph.
    """
    # KFP 2.17 reads the stack in each setter, a second for a graph, to name it where a task is no
    # step. Ours are.
    task._ensure_container_spec_exists = lambda: None
    task.set_display_name(title).set_caching_options(pod.cached)
    if pod.retries:
        task.set_retry(pod.retries, "30s", 2.0, f"{_all_tries_s(pod)}s")
    _sized(task, pod.size)
    _known(task)
    _guarded(task, pod)
    _configured(task, pod.secrets)
    return _on(task, node) if node else task


def _all_tries_s(pod: Pod) -> int:
    """Return the seconds for all tries; Argo counts from the first one's start, and kills then."""
    return int((pod.retries + 1) * pod.hours * 3600 + 600)


def _sized(task: Any, size: Size) -> None:
    _through_groups(task, size.cpu, size.memory)
    task.set_cpu_request(size.cpu).set_cpu_limit(size.cpu_limit or size.cpu)
    task.set_memory_request(size.memory).set_memory_limit(size.memory_limit or size.memory)


def _through_groups(task: Any, *values: Any) -> None:
    """Lead parameters into the groups that the task is in; for resources KFP 2.17 does not."""
    channels = [each for each in values if isinstance(each, dsl.pipeline_channel.PipelineChannel)]
    task.register_pipeline_channels(channels)


def _known(task: Any) -> None:
    kubernetes.add_pod_label(task, "app.kubernetes.io/part-of", "kanarya")
    # The steps for pictures need of the network what those for tables need.
    step = task.name.removesuffix("-images")
    kubernetes.add_pod_label(task, "app.kubernetes.io/component", step)
    task.set_env_variable("KANARYA_STEP", task.name)
    task.set_env_variable("KANARYA_HOME", HOME)


def _guarded(task: Any, pod: Pod) -> None:
    kubernetes.set_timeout(task, int(pod.hours * 3600))
    kubernetes.set_security_context(task, run_as_user=USER, run_as_group=USER, run_as_non_root=True)
    kubernetes.empty_dir_mount(task, "scratch", "/tmp", size_limit=pod.scratch)
    # An image on a cluster is named so that it never changes (`pipelines.images`).
    kubernetes.set_image_pull_policy(task, "IfNotPresent")


def _configured(task: Any, secrets: tuple[str, ...]) -> None:
    kubernetes.use_config_map_as_env(task, CONFIG, NEEDED)
    kubernetes.use_config_map_as_env(task, CONFIG, {key: key for key in WELCOME}, optional=True)
    for secret in secrets:
        if keys := KEYS.get(secret):
            names = {key: key for key in keys}
            kubernetes.use_secret_as_env(task, secret, names, optional=True)
        if folder := FOLDERS.get(secret):
            kubernetes.use_secret_as_volume(task, secret, folder, optional=True)


def _on(task: Any, node: Node) -> Any:
    _through_groups(task, node.gpus)
    task.set_accelerator_type(GPU).set_accelerator_limit(node.gpus)
    kubernetes.add_node_selector_json(task, node.selector)
    kubernetes.add_toleration_json(task, node.tolerations)
    return task
