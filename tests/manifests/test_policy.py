"""What every object of manifests/ must keep to, whatever else is changed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.manifests.rendered import (
    MANIFESTS,
    OVERLAYS,
    Document,
    containers,
    documents,
    everything,
    of_kind,
    pod_of,
)

EVERYTHING = list(everything())
PODS = [(name, pod_of(found)) for name, found in EVERYTHING if pod_of(found)]
WORKLOADS = [pytest.param(pod, id=name) for name, pod in PODS]
ROLES = [
    pytest.param(found, id=name) for name, found in EVERYTHING if found["kind"].endswith("Role")
]
# Words that a secret is known by where it stands in the open.
SECRET = re.compile(r"password|passwd|secret|token|credential|private.?key|access.?key", re.I)


@pytest.mark.parametrize("pod", WORKLOADS)
def test_images_have_a_version_and_never_latest(pod: Document) -> None:
    for each in containers(pod):
        assert re.search(r"(:v?\d[\w.-]*|@sha256:[0-9a-f]{64})$", each["image"]), each["image"]


@pytest.mark.parametrize("pod", WORKLOADS)
def test_a_container_passes_the_restricted_pod_security_standard(pod: Document) -> None:
    for each in containers(pod):
        own, around = each["securityContext"], pod.get("securityContext", {})
        assert own["runAsNonRoot"] and own["readOnlyRootFilesystem"]
        assert own["allowPrivilegeEscalation"] is False and own["capabilities"] == {"drop": ["ALL"]}
        profile = own.get("seccompProfile") or around.get("seccompProfile")
        assert profile == {"type": "RuntimeDefault"}
        assert not own.get("privileged") and own.get("runAsUser", 1) != 0
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    assert not any("hostPath" in volume for volume in pod.get("volumes", ()))


@pytest.mark.parametrize("pod", WORKLOADS)
def test_a_container_says_what_it_needs_and_may_take(pod: Document) -> None:
    for each in containers(pod):
        for side in ("requests", "limits"):
            assert each["resources"][side].keys() == {"cpu", "memory"}, each["name"]
    for volume in pod.get("volumes", ()):
        assert "sizeLimit" in volume.get("emptyDir", {"sizeLimit": ""}), volume["name"]


@pytest.mark.parametrize("pod", WORKLOADS)
def test_a_container_can_write_tmp_and_its_mounts_have_volumes(pod: Document) -> None:
    volumes = {volume["name"] for volume in pod["volumes"]}
    for each in containers(pod):
        mounts = {mount["mountPath"]: mount["name"] for mount in each["volumeMounts"]}
        assert "/tmp" in mounts and set(mounts.values()) <= volumes


@pytest.mark.parametrize("pod", WORKLOADS)
def test_a_server_has_probes_of_a_port_that_it_has(pod: Document) -> None:
    for each in pod["containers"]:
        ports = {port["name"] for port in each["ports"]}
        ports |= {port["containerPort"] for port in each["ports"]}
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            (asked,) = (each[probe][key] for key in ("httpGet", "tcpSocket") if key in each[probe])
            assert asked["port"] in ports, probe


def test_only_who_asks_the_cluster_gets_a_token_and_all_have_an_account() -> None:
    for name, pod in PODS:
        if "Runtime" in name:
            continue
        asks = pod["serviceAccountName"] in ("kanarya-console", "kanarya-watcher")
        assert pod.get("automountServiceAccountToken", True) is asks, name


@pytest.mark.parametrize("role", ROLES)
def test_a_role_names_what_it_allows_and_is_of_one_namespace(role: Document) -> None:
    assert role["kind"] == "Role"
    for rule in role["rules"]:
        assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]
        if {"secrets", "configmaps"} & set(rule["resources"]):
            assert rule["resourceNames"] and rule["verbs"] == ["get"]
        assert not {"escalate", "bind", "impersonate", "delete", "deletecollection"} & set(
            rule["verbs"]
        )


@pytest.mark.parametrize("folder", OVERLAYS)
def test_who_is_bound_to_a_role_exists(folder: str) -> None:
    def places(kind: str) -> set[tuple[str, str]]:
        found = of_kind(folder, kind)
        return {(each["metadata"]["namespace"], each["metadata"]["name"]) for each in found}

    for each in of_kind(folder, "RoleBinding"):
        role = (each["metadata"]["namespace"], each["roleRef"]["name"])
        assert role in places("Role")
        assert {(who["namespace"], who["name"]) for who in each["subjects"]} <= places(
            "ServiceAccount"
        )


def words(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Every text in an object with the key that it stands under."""
    if isinstance(value, dict):
        named = str(value.get("name", ""))
        for name, each in value.items():
            yield from words(each, named if name == "value" else str(name))
    elif isinstance(value, list):
        for each in value:
            yield from words(each, key)
    else:
        yield key, str(value)


def test_no_secret_stands_in_any_file() -> None:
    references = {"secretName", "imagePullSecrets", "key", "name", "automountServiceAccountToken"}
    for name, document in EVERYTHING:
        assert document["kind"] != "Secret", name
        spoken = json.dumps(document)
        assert not re.search(r"://[^/\s:\"]+:[^/\s@\"]+@", spoken), f"{name}: a password in a URI"
        assert "PRIVATE KEY" not in spoken and not re.search(r"AKIA[0-9A-Z]{16}", spoken)
        for key, text in words(document):
            assert key in references or not SECRET.search(key), f"{name}: {key}: {text}"


def test_a_secret_that_is_named_is_one_that_the_documents_name() -> None:
    told = (MANIFESTS.parent / "docs" / "kubeflow-manifests.md").read_text(encoding="utf-8")
    for name, pod in PODS:
        for each in re.findall(
            r'"secret(?:KeyRef|Ref)": \{[^}]*"name": "([^"]+)"', json.dumps(pod, sort_keys=True)
        ):
            assert f"`{each}`" in told, f"{name}: {each}"


@pytest.mark.parametrize("folder", [*OVERLAYS, "plain"])
def test_several_replicas_need_a_budget_and_one_volume_has_one_server(folder: str) -> None:
    budgets = [each["spec"]["selector"] for each in of_kind(folder, "PodDisruptionBudget")]
    for each in of_kind(folder, "Deployment"):
        alone = each["spec"]["replicas"] == 1
        assert alone or each["spec"]["selector"] in budgets
        volumes = each["spec"]["template"]["spec"]["volumes"]
        assert alone == any("persistentVolumeClaim" in volume for volume in volumes)
        assert alone == (each["spec"]["strategy"] == {"type": "Recreate"})


@pytest.mark.parametrize("folder", OVERLAYS)
def test_a_namespace_of_ours_is_closed_but_for_what_is_named(folder: str) -> None:
    policies = of_kind(folder, "NetworkPolicy")
    (closed,) = (each for each in policies if each["metadata"]["name"] == "kanarya-default-deny")
    assert closed["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for each in policies:
        for side, whom in (("ingress", "from"), ("egress", "to")):
            for rule in each["spec"].get(side, ()):
                assert rule[whom] and rule["ports"], each["metadata"]["name"]
                assert not any(peer == {} for peer in rule[whom])


@pytest.mark.parametrize("folder", OVERLAYS)
def test_every_pod_of_ours_may_ask_for_names_and_reach_what_it_is_told_of(folder: str) -> None:
    (names,) = of_kind(folder, "NetworkPolicy", "kanarya-dns")
    assert names["spec"]["podSelector"] == {}
    (server,) = of_kind(folder, "NetworkPolicy", "mlflow")
    opened = {port["port"] for rule in server["spec"]["egress"] for port in rule["ports"]}
    (config,) = of_kind(folder, "ConfigMap", "mlflow-server")
    store = config["data"]["MLFLOW_BACKEND_STORE_URI"]
    assert (5432 in opened) == store.startswith("postgresql+psycopg2://")
    assert (443 in opened) == ("://" in config["data"]["MLFLOW_ARTIFACTS_DESTINATION"])


def test_an_overlay_has_all_that_its_environment_needs_or_says_what_to_change() -> None:
    for folder in OVERLAYS:
        spoken = json.dumps(list(documents(folder)))
        assert ("CHANGE-ME" in spoken) == (folder != "overlays/dev"), folder
