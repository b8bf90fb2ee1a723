"""The renderings are of the files that are there, and fit the APIs that they are sent to."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts import manifest_rendering as rendering
from scripts.manifest_schemas import problems
from serving.errors import UsageError
from tests.manifests.rendered import MANIFESTS, documents, everything, of_kind

needs_kustomize = pytest.mark.skipif(
    not rendering.kustomize(), reason="needs kubectl 1.27 or kustomize 5 on the PATH"
)


@pytest.mark.parametrize("folder", rendering.FOLDERS)
def test_a_rendering_is_of_the_files_that_are_there(folder: str) -> None:
    assert not rendering.stale(folder), "make manifests"


@needs_kustomize
def test_kustomize_makes_the_same_objects() -> None:
    assert not rendering.differs("overlays/production"), "make manifests"


def test_a_changed_file_is_found_without_kustomize(tmp_path: Path) -> None:
    shutil.copytree(MANIFESTS, tmp_path / "manifests")
    network = tmp_path / "manifests" / "mlflow" / "base" / "network.yaml"
    network.write_text(network.read_text() + "# by hand\n")
    found = {each for each in rendering.FOLDERS if rendering.stale(each, tmp_path / "manifests")}
    assert found == {
        "mlflow/base",
        *(f"overlays/{each}" for each in ("dev", "staging", "production")),
    }


def test_a_rendering_that_was_changed_by_hand_is_found_without_kustomize(tmp_path: Path) -> None:
    shutil.copytree(MANIFESTS, tmp_path / "manifests")
    changed = rendering.path("plain", tmp_path / "manifests")
    changed.write_text(changed.read_text().replace("replicas: 2", "replicas: 1"))
    assert rendering.stale("plain", tmp_path / "manifests")
    assert not rendering.stale("console", tmp_path / "manifests")


def test_every_kustomization_is_rendered_or_is_a_component() -> None:
    reached = {
        each for folder in rendering.FOLDERS for each in rendering.sources(MANIFESTS / folder)
    }
    for found in MANIFESTS.rglob("kustomization.yaml"):
        asked_for_alone = found.parent.name == "jobs"
        assert found.resolve() in {each.resolve() for each in reached} or asked_for_alone, found


@pytest.mark.parametrize("folder", rendering.FOLDERS)
def test_every_object_fits_the_api_that_it_is_sent_to(folder: str) -> None:
    assert [each for found in documents(folder) for each in problems(found)] == []


WRONG: dict[str, tuple[str, str, tuple[Any, ...], Any, str]] = {
    "a field that Kubernetes does not have": (
        "mlflow/base",
        "Deployment",
        ("spec", "template", "spec", "containers", 0, "readinesProbe"),
        {},
        "'readinesProbe' was unexpected",
    ),
    "a number for a text": (
        "mlflow/base",
        "ConfigMap",
        ("data", "MLFLOW_WORKERS"),
        2,
        "2 is not of type",
    ),
    "a kind that is not there any more": (
        "plain",
        "PodDisruptionBudget",
        ("apiVersion",),
        "policy/v1beta1",
        "has no PodDisruptionBudget",
    ),
    "a field that KServe does not have": (
        "service",
        "InferenceService",
        ("spec", "predictor", "canaryPercent"),
        10,
        "'canaryPercent' was unexpected",
    ),
    "a text for KServe's number": (
        "service",
        "InferenceService",
        ("spec", "predictor", "minReplicas"),
        "1",
        "'1' is not of type",
    ),
    "a field that a container in a runtime does not have": (
        "runtime/base",
        "ClusterServingRuntime",
        ("spec", "containers", 0, "livenesProbe"),
        {},
        "'livenesProbe' was unexpected",
    ),
    "an interval without a unit": (
        "overlays/staging",
        "PodMonitor",
        ("spec", "podMetricsEndpoints", 0, "interval"),
        "15",
        "does not match",
    ),
    "a rule that records and alerts": (
        "overlays/staging",
        "PrometheusRule",
        ("spec", "groups", 0, "rules", 0, "alert"),
        "Both",
        "is valid under each of",
    ),
}


@pytest.mark.parametrize("case", WRONG.values(), ids=WRONG.keys())
def test_what_an_api_would_refuse_or_drop_is_named(
    case: tuple[str, str, tuple[Any, ...], Any, str],
) -> None:
    folder, kind, (*way, last), value, said = case
    document = copy.deepcopy(of_kind(folder, kind)[0])
    at: Any = document
    for step in way:
        at = at[step]
    at[last] = value
    (found,) = problems(document)
    assert said in found and found.startswith(kind), found


@needs_kustomize
def test_the_component_jobs_turns_jobs_on_and_gives_them_memory(tmp_path: Path) -> None:
    made = yaml.safe_load_all(_with_component(tmp_path, "jobs"))
    found = {each["kind"]: each for each in made}
    assert found["ConfigMap"]["data"]["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "true"
    (only,) = found["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert only["resources"]["limits"]["memory"] == "4Gi"


@needs_kustomize
def test_a_kustomization_that_is_wrong_is_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("resources: [nowhere.yaml]\n")
    with pytest.raises(UsageError, match=r"nowhere\.yaml") as told:
        rendering.built(tmp_path)
    assert "\n" not in str(told.value)


def _with_component(at: Path, component: str) -> str:
    shutil.copytree(MANIFESTS / "mlflow", at / "mlflow")
    asked = {"resources": ["../mlflow/base"], "components": [f"../mlflow/components/{component}"]}
    (at / "asked").mkdir()
    (at / "asked" / "kustomization.yaml").write_text(yaml.safe_dump(asked))
    return rendering.built(at / "asked")


def test_no_object_is_made_twice_in_a_rendering() -> None:
    for folder in rendering.FOLDERS:
        names = [
            (each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"])
            for each in documents(folder)
        ]
        assert len(names) == len(set(names)), folder
    assert sum(1 for _ in everything()) > 90
