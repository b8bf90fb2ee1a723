"""The real kubectl against the real server: what people type has to work as it is."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from serving.local.resources import EVENTS, INFERENCE_SERVICES

OLDEST = 27  # the first minor version that reads OpenAPI v3 only, as every later one does


def minor_version() -> int:
    """Return kubectl's minor version, 0 where there is no kubectl."""
    if not shutil.which("kubectl"):
        return 0
    command = ["kubectl", "version", "--client", "-o", "json"]
    told = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
    return int(json.loads(told)["clientVersion"]["minor"].rstrip("+"))


pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        minor_version() < OLDEST,
        reason=f"kubectl 1.{OLDEST} or newer is missing; https://kubernetes.io/docs/tasks/tools/ "
        "or `snap install kubectl --classic` or `brew install kubectl` supplies it",
    ),
]

READY_STATUS = {
    "url": "http://127.0.0.1:8601/serving/ml/iris",
    "conditions": [{"type": "Ready", "status": "True"}],
    "components": {
        "predictor": {
            "traffic": [
                {"latestRevision": True, "percent": 10, "revisionName": "iris-predictor-00002"},
                {
                    "latestRevision": False,
                    "percent": 90,
                    "revisionName": "iris-predictor-00001",
                    "tag": "prev",
                },
            ]
        }
    },
}


class Kubectl:
    def __init__(self, kubeconfig: Path, folder: Path) -> None:
        self.folder = folder
        self.command = ["kubectl", f"--kubeconfig={kubeconfig}", f"--cache-dir={folder / 'cache'}"]
        # nothing of the machine's own kubectl set-up: neither its aliases nor its plugins
        self.env = {"PATH": os.environ["PATH"], "HOME": str(folder)}

    def start(self, *arguments: str, **env: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*self.command, *arguments],
            env={**self.env, **env},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def __call__(self, *arguments: str, code: int = 0, **env: str) -> str:
        with self.start(*arguments, **env) as process:
            out, err = process.communicate(timeout=20)
        assert process.returncode == code, out + err
        return out + err

    def file(self, obj: dict[str, Any]) -> str:
        path = self.folder / "isvc.yaml"
        path.write_text(yaml.safe_dump(obj))
        return str(path)


@pytest.fixture
def kubectl(server: Any, tmp_path: Path) -> Kubectl:
    return Kubectl(server.kubeconfig, tmp_path)


Isvc = Callable[..., dict[str, Any]]


def set_ready(server: Any) -> None:
    stored = server.store.get(INFERENCE_SERVICES, "ml", "iris")
    server.store.replace(INFERENCE_SERVICES, {**stored, "status": READY_STATUS}, status=True)


def test_get_prints_the_columns_of_kserve(server: Any, kubectl: Kubectl, isvc: Isvc) -> None:
    server.store.create(INFERENCE_SERVICES, isvc())
    set_ready(server)
    header, row = kubectl("get", "isvc").splitlines()
    assert " ".join(header.split()) == (
        "NAME URL READY PREV LATEST PREVROLLEDOUTREVISION LATESTREADYREVISION AGE"
    )
    assert row.split()[:-1] == [
        *("iris", "http://127.0.0.1:8601/serving/ml/iris", "True", "90", "10"),
        *("iris-predictor-00001", "iris-predictor-00002"),
    ]
    assert row.split()[-1].endswith("s")
    assert kubectl("get", "isvc", "-A").splitlines()[0].startswith("NAMESPACE")
    assert yaml.safe_load(kubectl("get", "isvc", "iris", "-o", "yaml"))["status"] == READY_STATUS
    assert 'inferenceservices.serving.kserve.io "rose" not found' in kubectl(
        "get", "isvc", "rose", code=1
    )


def test_apply_again_without_the_percent_removes_it(
    server: Any, kubectl: Kubectl, isvc: Isvc
) -> None:
    assert "created" in kubectl("apply", "-f", kubectl.file(isvc()))
    canary = isvc(uri="file:///models/2", canaryTrafficPercent=10)
    assert "configured" in kubectl("apply", "-f", kubectl.file(canary))
    stored = server.store.get(INFERENCE_SERVICES, "ml", "iris")
    assert stored["spec"]["predictor"]["canaryTrafficPercent"] == 10
    promoted = kubectl.file(isvc(uri="file:///models/2"))
    assert "canaryTrafficPercent" in kubectl("diff", "-f", promoted, code=1)
    assert "configured" in kubectl("apply", "-f", promoted)
    assert "unchanged" in kubectl("apply", "-f", promoted)
    stored = server.store.get(INFERENCE_SERVICES, "ml", "iris")
    assert "canaryTrafficPercent" not in stored["spec"]["predictor"]
    assert stored["metadata"]["generation"] == 3


def test_server_side_apply_removes_what_is_left_out(
    server: Any, kubectl: Kubectl, isvc: Isvc
) -> None:
    canary = kubectl.file(isvc(uri="file:///models/2", canaryTrafficPercent=10))
    assert "serverside-applied" in kubectl("apply", "--server-side", "-f", canary)
    kubectl("apply", "--server-side", "-f", kubectl.file(isvc(uri="file:///models/2")))
    stored = server.store.get(INFERENCE_SERVICES, "ml", "iris")
    assert stored["spec"] == isvc(uri="file:///models/2")["spec"]


def test_apply_of_an_unknown_field_is_refused_by_name(kubectl: Kubectl, isvc: Isvc) -> None:
    misspelt = kubectl.file(isvc(canaryTraficPercent=10))
    said = kubectl("apply", "-f", misspelt, code=1)
    assert 'unknown field "spec.predictor.canaryTraficPercent"' in said


def test_patch_edit_annotate_and_delete(server: Any, kubectl: Kubectl, isvc: Isvc) -> None:
    server.store.create(INFERENCE_SERVICES, isvc())

    def stored() -> Any:
        return server.store.get(INFERENCE_SERVICES, "ml", "iris")

    kubectl("patch", "isvc", "iris", "--type=merge", "-p", percent(20))
    assert stored()["spec"]["predictor"]["canaryTrafficPercent"] == 20
    operation = '[{"op": "remove", "path": "/spec/predictor/canaryTrafficPercent"}]'
    kubectl("patch", "isvc", "iris", "--type=json", "-p", operation)
    assert "canaryTrafficPercent" not in stored()["spec"]["predictor"]
    said = kubectl("patch", "isvc", "iris", "-p", percent(20), code=1)
    assert "application/merge-patch+json" in said
    kubectl("edit", "isvc", "iris", KUBE_EDITOR="sed -i s,models/1,models/9,")
    assert stored()["spec"]["predictor"]["model"]["storageUri"] == "file:///models/9"
    kubectl("annotate", "isvc", "iris", "owner=me")
    assert stored()["metadata"]["annotations"]["owner"] == "me"
    assert "deleted" in kubectl("delete", "isvc", "iris", "--timeout=10s")
    assert server.store.list(INFERENCE_SERVICES, None)[0] == []


def percent(value: int) -> str:
    return json.dumps({"spec": {"predictor": {"canaryTrafficPercent": value}}})


def test_wait_and_get_watch_see_the_service_become_ready(
    server: Any, kubectl: Kubectl, isvc: Isvc
) -> None:
    server.store.create(INFERENCE_SERVICES, isvc())
    waiting = kubectl.start("wait", "--for=condition=Ready", "isvc/iris", "--timeout=20s")
    watching = kubectl.start("get", "isvc", "-w")
    assert watching.stdout is not None
    header, first = watching.stdout.readline(), watching.stdout.readline()
    assert (header.split()[0], first.split()[0]) == ("NAME", "iris")
    set_ready(server)
    second = watching.stdout.readline().split()
    watching.terminate()
    assert second[2:5] == ["True", "90", "10"]
    out, err = waiting.communicate(timeout=20)
    assert waiting.returncode == 0, err
    assert "condition met" in out
    watching.communicate(timeout=20)


def test_describe_shows_events_and_explain_the_fields(
    server: Any, kubectl: Kubectl, isvc: Isvc
) -> None:
    stored = server.store.create(INFERENCE_SERVICES, isvc())
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    event = {
        "metadata": {"name": "iris.1", "namespace": "ml"},
        "involvedObject": {
            "kind": "InferenceService",
            "namespace": "ml",
            "name": "iris",
            "uid": stored["metadata"]["uid"],
        },
        "type": "Warning",
        "reason": "InternalError",
        "message": "the revision did not start",
        "firstTimestamp": moment,
        "lastTimestamp": moment,
        "count": 1,
    }
    server.store.create(EVENTS, event)
    assert "the revision did not start" in kubectl("describe", "isvc", "iris")
    assert "InferenceService/iris" in kubectl("get", "events")
    said = kubectl("explain", "isvc.spec.predictor.canaryTrafficPercent")
    assert "rolls back" in said


def test_discovery_names_every_kind(kubectl: Kubectl) -> None:
    said = kubectl("api-resources")
    for word in ("isvc", "ksvc", "revisions", "events", "namespaces"):
        assert word in said
    assert "default" in kubectl("get", "namespaces")
    assert "Server Version: v1.32" in kubectl("version")
    assert "No resources found" in kubectl("get", "all")


def test_what_is_not_here_is_refused_by_a_sentence_and_the_service_beside_it_made(
    server: Any, kubectl: Kubectl, isvc: Isvc
) -> None:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}}
    service = isvc()
    service["metadata"]["namespace"] = "team"
    path = kubectl.folder / "both.yaml"
    account = {**namespace, "kind": "ServiceAccount"}
    path.write_text(yaml.safe_dump_all([namespace, account, service]))
    said = kubectl("apply", "-f", str(path), code=1)
    assert "inferenceservice.serving.kserve.io/iris created" in said
    assert "one is made with the first InferenceService in it" in said
    assert 'no matches for kind "ServiceAccount" in version "v1"' in said
    assert kubectl("get", "namespace", "team")
