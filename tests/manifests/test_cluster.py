"""What a cluster says of the manifests: KANARYA_CLUSTER_KUBECONFIG, KANARYA_CLUSTER_NAMESPACE."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from scripts.manifest_rendering import FOLDERS
from tests.manifests.rendered import documents

pytestmark = pytest.mark.cluster
SERVICES = "inferenceservices.serving.kserve.io"
VARIABLES = ("KANARYA_CLUSTER_KUBECONFIG", "KANARYA_CLUSTER_NAMESPACE")


@pytest.fixture
def place() -> tuple[str, str]:
    """The kubeconfig and a namespace in which everything could be made."""
    missing = [name for name in VARIABLES if not os.environ.get(name)]
    if missing:
        pytest.skip(f"set {' and '.join(missing)} as docs/kubeflow-manifests.md says")
    kubeconfig, namespace = (os.environ[name] for name in VARIABLES)
    return kubeconfig, namespace


def kubectl(kubeconfig: str, *words: str, sent: str = "") -> subprocess.CompletedProcess[str]:
    command = ["kubectl", "--kubeconfig", kubeconfig, *words]
    return subprocess.run(command, input=sent, capture_output=True, text=True)


def anew(document: Mapping[str, Any], namespace: str) -> Mapping[str, Any]:
    """The object as it would be in that namespace, under a name that nothing there has yet."""
    everywhere = document["kind"] in ("ClusterServingRuntime", "Namespace")
    place = {} if everywhere else {"namespace": namespace}
    name = f"check-{document['metadata']['name']}"
    return {**document, "metadata": {**document["metadata"], **place, "name": name}}


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_api_server_would_take_it(folder: str, place: tuple[str, str]) -> None:
    kubeconfig, namespace = place
    known = kubectl(kubeconfig, "api-resources", "-o", "name").stdout
    has_operator = "podmonitors.monitoring.coreos.com" in known
    sent = [
        anew(each, namespace)
        for each in documents(folder)
        if has_operator or not each["apiVersion"].startswith("monitoring.coreos.com/")
    ]
    done = kubectl(
        kubeconfig,
        *("apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", "-"),
        sent=yaml.safe_dump_all(sent),
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("asked", "may"),
    [
        (("get", SERVICES), "yes"),
        (("create", SERVICES), "yes"),
        (("patch", SERVICES), "yes"),
        (("delete", SERVICES), "no"),
        (("patch", SERVICES, "--subresource=status"), "no"),
        (("list", "secrets"), "no"),
        (("create", "pods"), "no"),
    ],
)
def test_the_account_of_runs_may_do_that_and_no_more(
    asked: tuple[str, ...], may: str, place: tuple[str, str]
) -> None:
    """Asked of a cluster that manifests/overlays/dev was applied to."""
    kubeconfig, namespace = place
    account = "system:serviceaccount:kubeflow:kanarya-pipeline"
    said = kubectl(kubeconfig, "auth", "can-i", *asked, "--as", account, "-n", namespace)
    assert said.stdout.strip() == may
