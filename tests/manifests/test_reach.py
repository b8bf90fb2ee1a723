"""Pods reach what stands before and beside them in clusters: gateways, stores, Istio's sidecars."""

from __future__ import annotations

from typing import Any

import pytest

from tests.manifests.rendered import OVERLAYS, Document, documents, of_kind

# The ports of pods, which NetworkPolicies are about: Istio's knative-local-gateway
# and kourier-internal have 8081, their outer gateways 8080. Envoy Gateway adds 10000 to ports
# below 1024, so that its proxies need no right to open them.
GATEWAYS = {8080, 8081, 10080}
NO_SIDECAR = {"sidecar.istio.io/inject": "false"}


def opened(rules: list[Document], peer: Document) -> set[int]:
    """The ports that rules open to a peer."""
    return {
        port["port"]
        for rule in rules
        if any(peer.items() <= each.items() for each in rule.get("to") or rule.get("from"))
        for port in rule["ports"]
    }


def namespaces(*names: str) -> Document:
    wanted = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": list(names)}
    return {"namespaceSelector": {"matchExpressions": [wanted]}}


@pytest.mark.parametrize("folder", OVERLAYS)
def test_who_asks_models_by_a_gateway_may_reach_the_ports_of_its_pods(folder: str) -> None:
    gateways = namespaces(
        "istio-system", "knative-serving", "kourier-system", "envoy-gateway-system"
    )
    asking = {"kanarya-deploy", "kanarya-console", "kanarya-watcher"}
    found = {
        each["metadata"]["name"]: opened(each["spec"].get("egress", []), gateways)
        for each in of_kind(folder, "NetworkPolicy")
    }
    # In `dev` the namespace of runs is everybody's, and open.
    asking -= {"kanarya-deploy"} if folder == "overlays/dev" else set()
    assert {name for name, ports in found.items() if ports >= GATEWAYS} == asking


def test_the_store_of_kubeflow_pipelines_lets_in_the_namespace_of_services() -> None:
    """third-party/seaweedfs of 2.17: its own namespace and Kubeflow's profiles, no others."""
    (store,) = of_kind("overlays/dev", "NetworkPolicy", "kanarya-store")
    (config,) = of_kind("overlays/dev", "ConfigMap", "kanarya-config")
    assert config["data"]["AWS_ENDPOINT_URL"].startswith("http://seaweedfs.kubeflow:")
    assert store["metadata"]["namespace"] == "kubeflow"
    assert store["spec"]["podSelector"] == {"matchLabels": {"app": "seaweedfs"}}
    assert store["spec"]["policyTypes"] == ["Ingress"], "it opens, and closes nothing"
    ours = config["data"]["KANARYA_NAMESPACE"]
    peer = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": ours}}}
    assert opened(store["spec"]["ingress"], peer) == {8333}


@pytest.mark.parametrize("folder", OVERLAYS)
def test_a_watcher_may_fetch_data_from_wherever_a_run_may(folder: str) -> None:
    world = {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]}}
    (watcher,) = of_kind(folder, "NetworkPolicy", "kanarya-watcher")
    assert {80, 443} <= opened(watcher["spec"]["egress"], world)
    for each in of_kind(folder, "NetworkPolicy", "kanarya-ingest"):
        assert opened(each["spec"]["egress"], world) <= opened(watcher["spec"]["egress"], world)


@pytest.mark.parametrize("folder", ["overlays/staging", "overlays/production"])
def test_a_database_in_a_closed_namespace_lets_mlflow_in(folder: str) -> None:
    (policy,) = of_kind(folder, "NetworkPolicy", "mlflow-database")
    (server,) = of_kind(folder, "NetworkPolicy", "mlflow")
    peer = {"podSelector": policy["spec"]["podSelector"]}
    assert opened(server["spec"]["egress"], peer) == {5432}
    asks = {"podSelector": server["spec"]["podSelector"]}
    assert opened(policy["spec"]["ingress"], asks) == {5432}


def pods_labels(found: Document) -> dict[str, Any]:
    spec = found["spec"]
    return dict(spec["labels"] if "labels" in spec else spec["template"]["metadata"]["labels"])


@pytest.mark.parametrize("folder", ["overlays/staging", "overlays/production", "feedback"])
def test_what_pods_without_a_sidecar_call_has_none_in_a_kubeflow_profile(folder: str) -> None:
    servers = [
        each for each in documents(folder) if each["kind"] in ("Deployment", "ServingRuntime")
    ]
    assert servers
    for each in servers:
        assert NO_SIDECAR.items() <= pods_labels(each).items(), each["metadata"]["name"]


@pytest.mark.parametrize("folder", ["runtime/base", "runtime/grpc", "overlays/dev", "plain"])
def test_elsewhere_istio_is_left_to_who_runs_it(folder: str) -> None:
    assert "sidecar.istio.io" not in str(list(documents(folder)))


def test_the_account_of_new_services_is_one_that_may_read_models() -> None:
    (config,) = of_kind("overlays/production", "ConfigMap", "kanarya-config")
    (account,) = of_kind(
        "overlays/production", "ServiceAccount", config["data"]["KANARYA_PREDICTOR_ACCOUNT"]
    )
    assert "iam.gke.io/gcp-service-account" in account["metadata"]["annotations"]
    assert account["metadata"]["namespace"] == config["data"]["KANARYA_NAMESPACE"]
    assert config["data"]["KANARYA_MODEL_STORE"].startswith("gs://")
