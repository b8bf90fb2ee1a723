"""KServe's own canary tests, with KServe's own client, against the local platform."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from serving.local import platform
from serving.local.platform import Ports
from serving.settings import Settings
from tests.serving.local.platform_kit import FAKE, Models

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("home")
    settings = Settings.from_env({"KANARYA_HOME": str(home), "KANARYA_NAMESPACE": "kserve-test"})
    platform.up(settings, Ports(0, 0), predictor=FAKE)
    yield settings.kubeconfig
    platform.down(settings)


def inference_service(name: str, predictor: Any) -> Any:
    from kserve import V1beta1InferenceService, V1beta1InferenceServiceSpec
    from kubernetes.client import V1ObjectMeta

    return V1beta1InferenceService(
        api_version="serving.kserve.io/v1beta1",
        kind="InferenceService",
        metadata=V1ObjectMeta(name=name, namespace="kserve-test"),
        spec=V1beta1InferenceServiceSpec(predictor=predictor),
    )


def by_framework(uri: str, percent: int | None = None) -> Any:
    from kserve import V1beta1PredictorSpec, V1beta1TFServingSpec

    return V1beta1PredictorSpec(
        tensorflow=V1beta1TFServingSpec(storage_uri=uri), canary_traffic_percent=percent
    )


def by_runtime(uri: str, percent: int | None = None) -> Any:
    from kserve import V1beta1ModelFormat, V1beta1ModelSpec, V1beta1PredictorSpec

    model = V1beta1ModelSpec(
        model_format=V1beta1ModelFormat(name="tensorflow"),
        runtime="kserve-tensorflow-serving",
        storage_uri=uri,
    )
    return V1beta1PredictorSpec(model=model, canary_traffic_percent=percent)


@pytest.mark.parametrize(
    ("name", "predictor"),
    [("isvc-canary", by_framework), ("isvc-canary-runtime", by_runtime)],
    ids=["test_canary_rollout", "test_canary_rollout_runtime"],
)
def test_a_canary_rolls_out(name: str, predictor: Any, kubeconfig: Path, tmp_path: Path) -> None:
    from kserve import KServeClient

    models, kserve = Models(tmp_path), KServeClient(config_file=str(kubeconfig))
    waiting = {"namespace": "kserve-test", "timeout_seconds": 20, "polling_interval": 0.1}
    kserve.create(inference_service(name, predictor(models.make("m1"))))
    kserve.wait_isvc_ready(name, **waiting)

    patch = inference_service(name, predictor(models.make("m2"), 10))
    patched = kserve.patch(name, patch, namespace="kserve-test")
    generation = patched["metadata"]["generation"]
    kserve.wait_isvc_ready(name, **waiting, expected_generation=generation)

    canary = kserve.get(name, namespace="kserve-test")
    traffic = canary["status"]["components"]["predictor"]["traffic"]
    assert [each["percent"] for each in traffic if each["latestRevision"]] == [10]
    kserve.delete(name, "kserve-test")
