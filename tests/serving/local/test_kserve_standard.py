"""KServe's own tests of `spec.canary` (test_canary_raw_deployment.py), with KServe's own client."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from serving.local import platform
from serving.local.platform import Ports
from serving.settings import Settings
from tests.serving.local.platform_kit import FAKE, Models, soon

pytestmark = pytest.mark.e2e

NAMESPACE = "kserve-test"
ANNOTATIONS = {
    "serving.kserve.io/deploymentMode": "RawDeployment",  # its old name
    "serving.kserve.io/autoscalerClass": "none",
}


@dataclass(frozen=True)
class Cluster:
    """KServe's client and those of Kubernetes, on the same platform."""

    kserve: Any
    apps: Any
    core: Any
    custom: Any

    def deployment(self, name: str) -> Any | None:
        from kubernetes.client.rest import ApiException

        try:
            return self.apps.read_namespaced_deployment(name, NAMESPACE)
        except ApiException as error:
            assert error.status == 404
            return None

    def available(self, name: str) -> Any:
        def there() -> Any:
            found = self.deployment(name)
            return found if found and found.status.available_replicas else None

        return soon(there, f"{name} is available")

    def uids(self, deployment: str) -> set[str]:
        labels = self.available(deployment).spec.selector.match_labels
        chosen = ",".join(f"{key}={value}" for key, value in labels.items())
        pods = self.core.list_namespaced_pod(NAMESPACE, label_selector=chosen)
        return {pod.metadata.uid for pod in pods.items}

    def backends(self, service: str) -> list[tuple[str, int | None]]:
        place = ("gateway.networking.k8s.io", "v1", NAMESPACE, "httproutes")
        route = self.custom.get_namespaced_custom_object(*place, f"{service}-predictor")
        refs = route["spec"]["rules"][0]["backendRefs"]
        return [(ref["name"], ref.get("weight")) for ref in refs]

    def condition(self, service: str) -> dict[str, Any] | None:
        found = self.kserve.get(service, namespace=NAMESPACE).get("status", {})
        conditions = found.get("conditions", [])
        return next((c for c in conditions if c["type"] == "CanaryPredictorReady"), None)

    def patch(self, service: str, changed: Any) -> None:
        patched = self.kserve.patch(service, changed, namespace=NAMESPACE)
        self.wait(service, expected_generation=patched["metadata"]["generation"])

    def wait(self, service: str, **more: Any) -> None:
        waiting = {"namespace": NAMESPACE, "timeout_seconds": 20, "polling_interval": 0.1}
        self.kserve.wait_isvc_ready(service, **waiting, **more)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    from kserve import KServeClient
    from kubernetes import client, config

    home = tmp_path_factory.mktemp("home")
    settings = Settings.from_env({"KANARYA_HOME": str(home), "KANARYA_NAMESPACE": NAMESPACE})
    platform.up(settings, Ports(0, 0), predictor=FAKE)
    path = str(settings.kubeconfig)
    api = config.new_client_from_config(path)
    kinds = (client.AppsV1Api(api), client.CoreV1Api(api), client.CustomObjectsApi(api))
    yield Cluster(KServeClient(config_file=path), *kinds)
    api.close()
    platform.down(settings)


def predictor(uri: str, name: str | None = None, replicas: int | None = 2) -> Any:
    from kserve import V1beta1ModelFormat, V1beta1ModelSpec, V1beta1PredictorSpec

    model = V1beta1ModelSpec(model_format=V1beta1ModelFormat(name="sklearn"), storage_uri=uri)
    return V1beta1PredictorSpec(name=name, min_replicas=replicas, model=model)


def service(name: str, stable: Any, canaries: list[Any], **annotations: str) -> Any:
    from kserve import V1beta1InferenceService, V1beta1InferenceServiceSpec
    from kubernetes.client import V1ObjectMeta

    told = {**ANNOTATIONS, **annotations}
    return V1beta1InferenceService(
        api_version="serving.kserve.io/v1beta1",
        kind="InferenceService",
        metadata=V1ObjectMeta(name=name, namespace=NAMESPACE, annotations=told),
        spec=V1beta1InferenceServiceSpec(predictor=stable, canary=canaries),
    )


def with_canary(cluster: Cluster, name: str, models: Models) -> Any:
    """Create a service with a stable version and a canary at 20 %, as every test here begins."""
    from kserve import V1beta1CanarySpec

    canary = predictor(models.make("m2"), "v2", None)
    entry = V1beta1CanarySpec(traffic_percent=20, predictor=canary)
    made = service(name, predictor(models.make("m1")), [entry])
    cluster.kserve.create(made)
    cluster.wait(name)
    cluster.available(f"{name}-predictor")
    cluster.available(f"{name}-v2-predictor")
    soon(lambda: (cluster.condition(name) or {}).get("reason") == "AllCanariesReady")
    return made


def test_canary_create(cluster: Cluster, tmp_path: Path) -> None:
    name = "isvc-canary-create"
    with_canary(cluster, name, Models(tmp_path))
    assert (cluster.condition(name) or {})["status"] == "True"
    statuses = cluster.kserve.get(name, namespace=NAMESPACE)["status"]["canaryStatuses"]
    assert [each["name"] for each in statuses] == ["v2"]
    assert cluster.backends(name) == [(f"{name}-predictor", 80), (f"{name}-v2-predictor", 20)]
    cluster.kserve.delete(name, NAMESPACE)


def test_canary_promote(cluster: Cluster, tmp_path: Path) -> None:
    name, models = "isvc-canary-promote", Models(tmp_path)
    with_canary(cluster, name, models)
    before = cluster.uids(f"{name}-v2-predictor")
    assert before
    cluster.patch(name, service(name, predictor(models.make("m2"), "v2"), []))
    cluster.available(f"{name}-v2-predictor")
    soon(lambda: cluster.deployment(f"{name}-predictor") is None)
    assert before <= cluster.uids(f"{name}-v2-predictor")
    assert [backend for backend, _ in cluster.backends(name)] == [f"{name}-v2-predictor"]
    cluster.kserve.delete(name, NAMESPACE)


def test_canary_rollback(cluster: Cluster, tmp_path: Path) -> None:
    name, models = "isvc-canary-rollback", Models(tmp_path)
    with_canary(cluster, name, models)
    cluster.patch(name, service(name, predictor(models.make("m1")), []))
    soon(lambda: cluster.deployment(f"{name}-v2-predictor") is None)
    cluster.available(f"{name}-predictor")
    assert cluster.condition(name) is None
    assert [backend for backend, _ in cluster.backends(name)] == [f"{name}-predictor"]
    cluster.kserve.delete(name, NAMESPACE)


def test_canary_force_stop(cluster: Cluster, tmp_path: Path) -> None:
    name = "isvc-canary-stop"
    made = with_canary(cluster, name, Models(tmp_path))
    made.metadata.annotations["serving.kserve.io/stop"] = "true"
    cluster.kserve.patch(name, made, namespace=NAMESPACE)
    soon(lambda: cluster.deployment(f"{name}-v2-predictor") is None)
    soon(lambda: (cluster.condition(name) or {}).get("reason") == "Stopped")
    cluster.kserve.delete(name, NAMESPACE)
