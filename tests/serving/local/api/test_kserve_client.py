"""KServe's own client, as its documentation uses it."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from serving.local.resources import INFERENCE_SERVICES


@pytest.fixture
def kserve_client(server: Any) -> Any:
    from kserve import KServeClient

    return KServeClient(config_file=str(server.kubeconfig))


def build(uri: str = "file:///models/1", percent: int | None = None) -> Any:
    from kserve import V1beta1InferenceService, V1beta1InferenceServiceSpec, V1beta1PredictorSpec
    from kserve.models import V1beta1ModelFormat, V1beta1ModelSpec
    from kubernetes import client

    model = V1beta1ModelSpec(model_format=V1beta1ModelFormat(name="onnx"), storage_uri=uri)
    return V1beta1InferenceService(
        api_version="serving.kserve.io/v1beta1",
        kind="InferenceService",
        metadata=client.V1ObjectMeta(name="iris", namespace="ml"),
        spec=V1beta1InferenceServiceSpec(
            predictor=V1beta1PredictorSpec(model=model, canary_traffic_percent=percent)
        ),
    )


def set_status(server: Any, ready: str, generation: int) -> None:
    stored = server.store.get(INFERENCE_SERVICES, "ml", "iris")
    status = {
        "observedGeneration": generation,
        "url": "http://127.0.0.1:8601/serving/ml/iris",
        "conditions": [{"type": "Ready", "status": ready}],
    }
    server.store.replace(INFERENCE_SERVICES, {**stored, "status": status}, status=True)


def test_create_patch_replace_and_delete(kserve_client: Any) -> None:
    made = kserve_client.create(build())
    assert made["metadata"]["generation"] == 1
    patched = kserve_client.patch("iris", build("file:///models/2", 10))
    assert patched["spec"]["predictor"]["canaryTrafficPercent"] == 10
    assert kserve_client.get("iris", "ml") == patched
    replaced = kserve_client.replace("iris", build("file:///models/2"))
    assert "canaryTrafficPercent" not in replaced["spec"]["predictor"]
    assert len(kserve_client.get(namespace="ml")["items"]) == 1
    kserve_client.delete("iris", "ml")
    with pytest.raises(RuntimeError, match="not found"):
        kserve_client.get("iris", "ml")


def test_a_second_creation_is_told_as_a_conflict(kserve_client: Any) -> None:
    kserve_client.create(build())
    with pytest.raises(RuntimeError, match="AlreadyExists"):
        kserve_client.create(build())


def test_watching_prints_the_split_and_ends_when_it_is_ready(
    server: Any, kserve_client: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    kserve_client.create(build())
    stored = server.store.get(INFERENCE_SERVICES, "ml", "iris")
    traffic = [
        {"latestRevision": True, "percent": 10, "revisionName": "iris-predictor-00002"},
        {"latestRevision": False, "percent": 90, "revisionName": "iris-predictor-00001"},
    ]
    status = {
        "observedGeneration": 1,
        "url": "http://127.0.0.1:8601/serving/ml/iris",
        "conditions": [{"type": "Ready", "status": "True"}],
        "components": {"predictor": {"traffic": traffic}},
    }
    server.store.replace(INFERENCE_SERVICES, {**stored, "status": status}, status=True)
    kserve_client.get("iris", "ml", watch=True, timeout_seconds=10)
    assert capsys.readouterr().out.splitlines()[-1].split()[:4] == ["iris", "True", "90", "10"]


def test_waiting_ends_when_the_generation_is_ready(
    server: Any, kserve_client: Any, isvc: Callable[..., dict[str, Any]]
) -> None:
    kserve_client.create(build())
    set_status(server, "True", 1)
    patched = kserve_client.patch("iris", build("file:///models/2", 10))
    # ready for the generation before: a client that only looks at Ready would go on too early
    reached = threading.Timer(0.3, set_status, (server, "True", 2))
    reached.start()
    kserve_client.wait_isvc_ready(
        "iris",
        namespace="ml",
        timeout_seconds=10,
        polling_interval=0.05,
        expected_generation=patched["metadata"]["generation"],
    )
    reached.join()
    stored = kserve_client.get("iris", "ml")
    assert stored["status"]["observedGeneration"] == 2
    assert kserve_client.is_isvc_ready("iris", "ml")
