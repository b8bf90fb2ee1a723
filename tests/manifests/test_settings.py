"""What the manifests tell the code is what the code asks for."""

from __future__ import annotations

import importlib.util
import json
from types import ModuleType
from typing import Any

import pytest
import yaml

from scripts.manifest_schemas import problems
from serving.isvc import resource
from serving.isvc.capabilities import STATE_ANNOTATIONS
from serving.isvc.facts import config_of
from serving.settings import Settings
from tests.manifests.rendered import MANIFESTS, OVERLAYS, container, of_kind, pod_of


@pytest.mark.parametrize("folder", OVERLAYS)
def test_the_config_of_runs_is_read_by_the_settings(folder: str) -> None:
    (config,) = of_kind(folder, "ConfigMap", "kanarya-config")
    told: dict[str, str] = config["data"]
    settings = Settings.from_env(told)
    understood = settings.environment()
    # The others are read by the libraries that speak to the store and to MLflow.
    ours = {k: value for k, value in told.items() if not k.startswith(("AWS_", "MLFLOW_HTTP_"))}
    assert {key: understood.get(key) for key in ours} == ours
    (role,) = of_kind(folder, "Role", "kanarya-rollout")
    assert settings.namespace == role["metadata"]["namespace"]


CONTRACT = MANIFESTS.parent / "docs" / "kubeflow.md"


@pytest.mark.skipif(
    not CONTRACT.is_file(), reason="what steps expect of a cluster is not told here"
)
def test_names_and_keys_are_those_that_the_steps_expect() -> None:
    told = CONTRACT.read_text(encoding="utf-8")
    for folder in OVERLAYS:
        (config,) = of_kind(folder, "ConfigMap", "kanarya-config")
        (account,) = of_kind(folder, "ServiceAccount", "kanarya-pipeline")
        assert account["metadata"]["namespace"] == config["metadata"]["namespace"]
        for name in (*config["data"], "kanarya-config", "kanarya-pipeline"):
            assert f"`{name}`" in told, name


@pytest.mark.parametrize("folder", OVERLAYS)
def test_the_tracking_address_is_one_that_the_server_answers_to(folder: str) -> None:
    (config,) = of_kind(folder, "ConfigMap", "kanarya-config")
    (server,) = of_kind(folder, "Deployment", "mlflow")
    (service,) = of_kind(folder, "Service", "mlflow")
    namespace = server["metadata"]["namespace"]
    (only,) = server["spec"]["template"]["spec"]["containers"]
    told = {each["name"]: each.get("value", "") for each in only["env"]}
    hosts = told["MLFLOW_SERVER_ALLOWED_HOSTS"].replace("$(POD_NAMESPACE)", namespace).split(",")
    assert config["data"]["MLFLOW_TRACKING_URI"].removeprefix("http://") in hosts
    assert service["spec"]["ports"][0]["port"] == 5001
    # Who names itself mlflow.evil.example must not be answered.
    assert not any(host.startswith("mlflow") and "*" in host for host in hosts)
    order = list(told)
    assert order.index("POD_NAMESPACE") < order.index("MLFLOW_SERVER_ALLOWED_HOSTS")


def test_the_patch_for_kserve_keeps_our_annotations_out_of_pods() -> None:
    patch = yaml.safe_load((MANIFESTS / "admin" / "inferenceservice-config.yaml").read_text())
    config = config_of(patch["data"])
    assert set(STATE_ANNOTATIONS) <= config.kept_out
    assert config.kept_out == {
        value for key, value in vars(resource).items() if str(value).startswith("kanarya.dev/")
    }
    assert json.loads(patch["data"]["inferenceService"])["resource"], "a key is replaced as a whole"


def test_the_patch_for_kserves_own_container_makes_it_pass_the_restricted_standard() -> None:
    patch = yaml.safe_load((MANIFESTS / "admin" / "storage-initializer.yaml").read_text())
    container = {"name": "storage-initializer", **patch["spec"]["container"]}
    whole = {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "ClusterStorageContainer",
        "metadata": {"name": "default"},
        "spec": {"container": container, "supportedUriFormats": [{"prefix": "gs://"}]},
    }
    assert list(problems(whole)) == []
    own = pod_of(of_kind("plain", "Deployment")[0])["initContainers"][0]["securityContext"]
    given = container["securityContext"]
    assert given.pop("seccompProfile") == {"type": "RuntimeDefault"}
    assert given.items() <= own.items()


def test_the_service_differs_from_ours_only_in_what_a_platform_decides() -> None:
    (service,) = of_kind("service", "InferenceService")
    ours: Any = resource.manifest("iris", "ml", "gs://CHANGE-ME-models/iris/1", annotations={})
    assert service["metadata"]["annotations"] == ours["metadata"]["annotations"]
    given, own = service["spec"]["predictor"], ours["spec"]["predictor"]
    assert own["model"].items() <= given["model"].items()
    assert given["minReplicas"] == own["minReplicas"]
    assert given.keys() - own.keys() == {"maxReplicas", "serviceAccountName", "timeout"}


def test_the_plain_predictor_runs_as_the_one_of_kserve() -> None:
    (plain,) = pod_of(of_kind("plain", "Deployment")[0])["containers"]
    runtime = container(of_kind("runtime/base", "ClusterServingRuntime")[0])
    assert [each.replace("{{.Name}}", "iris") for each in runtime["args"]] == plain["args"]
    for key in ("image", "env", "resources", "ports"):
        assert plain[key] == runtime[key], key
    uri, target = pod_of(of_kind("plain", "Deployment")[0])["initContainers"][0]["args"]
    assert (target, uri.rpartition("://")[0]) == ("/mnt/models", "gs")


def _entry_point() -> ModuleType:
    spec = importlib.util.spec_from_file_location("serve", MANIFESTS / "mlflow" / "serve.py")
    assert spec and spec.loader
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@pytest.mark.skipif(
    not (MANIFESTS / "mlflow" / "serve.py").is_file(), reason="the server's image is not here"
)
@pytest.mark.parametrize("folder", OVERLAYS)
def test_the_server_starts_with_what_it_is_given(folder: str) -> None:
    (config,) = of_kind(folder, "ConfigMap", "mlflow-server")
    (server,) = of_kind(folder, "Deployment", "mlflow")
    (only,) = server["spec"]["template"]["spec"]["containers"]
    named = {each["name"]: each.get("value") or "given" for each in only["env"]}
    _entry_point().check({**named, **config["data"]})
