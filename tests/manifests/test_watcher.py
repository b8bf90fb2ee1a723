"""The watcher in a cluster is given what it asks for, and may do what it does and no more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipelines import watched_specs, watching_cluster
from pipelines.alerts import receivers
from pipelines.cluster_place import SERVICE_ACCOUNT, Place
from serving.settings import Settings
from tests.manifests.rendered import OVERLAYS, container, of_kind
from tests.manifests.test_console import given as given_to_console


def watcher(folder: str) -> dict[str, Any]:
    """The pod's template, with the namespace that it runs in."""
    (found,) = of_kind(folder, "Deployment", "kanarya-watcher")
    return {**found["spec"]["template"], "namespace": found["metadata"]["namespace"]}


def given(folder: str) -> dict[str, str]:
    """The variables that it shares with the console, and its own."""
    env = container(watcher(folder))["env"]
    own = {each["name"]: each["value"] for each in env if "value" in each}
    return {**given_to_console(folder), **own}


@pytest.mark.parametrize("folder", OVERLAYS)
def test_it_is_told_where_everything_is(folder: str, tmp_path: Path) -> None:
    told, own = given(folder), container(watcher(folder))
    settings = Settings.from_env(told)
    assert settings.tracking_uri == "http://mlflow:5001"
    assert settings.model_store.startswith(("s3://", "gs://"))
    (role,) = of_kind(folder, "Role", "kanarya-watcher")
    assert settings.namespace == role["metadata"]["namespace"] == watcher(folder)["namespace"]
    assert Place.from_env(env=told, mounted=tmp_path).host == "http://ml-pipeline.kubeflow:8888"
    assert of_kind(folder, "ServiceAccount", told[SERVICE_ACCOUNT])
    mounts = {each["mountPath"]: each["name"] for each in own["volumeMounts"]}
    assert {str(watched_specs.folder(told)), told["KANARYA_HOME"]} <= mounts.keys()
    assert watching_cluster.port(told) == own["ports"][0]["containerPort"]
    assert own["envFrom"] == container(_console(folder))["envFrom"]


def _console(folder: str) -> Any:
    (found,) = of_kind(folder, "Deployment", "kanarya-console")
    return found["spec"]["template"]


@pytest.mark.parametrize("folder", OVERLAYS)
def test_it_starts_without_specs_and_without_anybody_to_tell(folder: str) -> None:
    spec = watcher(folder)["spec"]
    (specs,) = (each["configMap"] for each in spec["volumes"] if each["name"] == "specs")
    assert specs == {"name": "kanarya-specs", "optional": True}
    secrets = [
        each["valueFrom"] for each in container(watcher(folder))["env"] if "valueFrom" in each
    ]
    assert all(each["secretKeyRef"]["optional"] for each in secrets)
    assert receivers.configured(given(folder)) == ()


@pytest.mark.parametrize("folder", OVERLAYS)
def test_who_it_asks_lets_it_in(folder: str) -> None:
    who = {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "kanarya-watcher"}}}
    for name in ("mlflow", "kanarya-predictors"):
        (policy,) = of_kind(folder, "NetworkPolicy", name)
        peers = [each for rule in policy["spec"]["ingress"] for each in rule["from"]]
        assert who in peers, name
    (policy,) = of_kind("feedback", "NetworkPolicy", "kanarya-feedback")
    assert who in policy["spec"]["ingress"][0]["from"]


@pytest.mark.parametrize("folder", [f for f in OVERLAYS if "dev" not in f])
def test_prometheus_asks_the_page_that_it_has(folder: str) -> None:
    (monitor,) = of_kind(folder, "PodMonitor", "kanarya-watcher")
    labels = watcher(folder)["metadata"]["labels"]
    assert monitor["spec"]["selector"]["matchLabels"].items() <= labels.items()
    (asked,) = monitor["spec"]["podMetricsEndpoints"]
    (port,) = container(watcher(folder))["ports"]
    (policy,) = of_kind(folder, "NetworkPolicy", "kanarya-watcher")
    (opened,) = (each["port"] for each in policy["spec"]["ingress"][0]["ports"])
    assert (asked["port"], opened) == (port["name"], port["containerPort"])
