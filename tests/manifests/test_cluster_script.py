"""`make cluster-up` cannot run in most places; what can be known of it without a cluster is."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess

import pytest
import yaml

from scripts.manifest_schemas import KUBERNETES
from tests.manifests.rendered import MANIFESTS, ROOT, of_kind, pod_of

SCRIPT = ROOT / "scripts" / "cluster.sh"
TEXT = SCRIPT.read_text(encoding="utf-8")


def pin(name: str) -> str:
    (found,) = re.findall(rf"\b{name}=v?([0-9][0-9.]*)", TEXT)
    return str(found)


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="needs Debian's shellcheck")
def test_shellcheck_has_nothing_to_say() -> None:
    done = subprocess.run(["shellcheck", str(SCRIPT)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_bash_can_read_it() -> None:
    done = subprocess.run(["bash", "-n", str(SCRIPT)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_versions_are_those_that_the_code_is_made_for() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f"kserve=={pin('KSERVE')}" in project
    assert f"kfp[kubernetes]=={pin('KFP')}" in project
    assert pin("KUBERNETES").startswith(f"{KUBERNETES}.")
    (fetching,) = pod_of(of_kind("plain", "Deployment")[0])["initContainers"]
    assert fetching["image"] == f"kserve/storage-initializer:v{pin('KSERVE')}"


def test_nothing_is_fetched_without_a_version() -> None:
    for url in re.findall(r"\$HUB/\S+|github\.com/\S+kustomize\S*", TEXT):
        assert "latest" not in url and "/main/" not in url and "/master/" not in url
    assert TEXT.count("?ref=$KFP") == TEXT.count("kubectl apply -k")


def test_what_it_names_of_ours_is_there() -> None:
    for path in re.findall(r"(?<![\w/])manifests/[\w./-]+", TEXT):
        assert (ROOT / path).exists(), path
    dev = yaml.safe_load((MANIFESTS / "overlays/dev/serving/namespace.yaml").read_text())
    assert dev["metadata"]["name"] == "kanarya"
    (config,) = of_kind("overlays/dev", "ConfigMap", "kanarya-config")
    assert f"KANARYA_MODEL_STORE={config['data']['KANARYA_MODEL_STORE']}" in TEXT


def test_pods_find_their_keys_when_they_start() -> None:
    body = TEXT.partition("install_kanarya() {")[2].partition("\n}")[0]
    overlay = body.index("apply -k manifests/overlays/dev")
    keys = [found.start() for found in re.finditer("store_keys \\| secret", body)]
    assert len(keys) == 3 and max(keys) < overlay
    image = body.index("KANARYA_COMPONENTS_IMAGE")
    assert overlay < image < body.index("rollout restart deployment kanarya-watcher")
    assert image < body.index("login"), "the console starts when it has logins"


def test_the_runs_that_it_starts_are_specs_that_are_accepted() -> None:
    from pipelines.spec import load

    changes = [each.strip("\"'") for each in re.findall(r"--set (\"[^\"]+\"|'[^']+')", TEXT)]
    assert len(changes) == 2
    filled_in = [each.replace("$1", "20") for each in changes]
    spec = load(ROOT / "pipelines" / "specs" / "iris.yaml", filled_in)
    columns = (ROOT / "pipelines" / "specs" / "iris.csv").read_text().partition("\n")[0].split(",")
    (row,) = re.findall(r"^row = (.*)$", TEXT, re.MULTILINE)
    assert [*ast.literal_eval(row), spec.data.target] == columns
