"""The runtimes fit the Kubernetes API, our own parser and a cluster's strictest policy."""

from __future__ import annotations

import socket
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from serving.isvc import resource
from serving.predictor.flags import parser
from tests.manifests.rendered import ROOT, VARIANTS, container, filled, read, rendered
from tests.serving.predictor.conformance.wire import raw
from tests.serving.predictor.running import end, wait_for

BASE = "base/cluster-serving-runtime.yaml"


def test_every_argument_is_a_flag_of_the_predictor() -> None:
    flags, rest = parser().parse_known_args(filled(container(read(BASE)), "iris")["args"])
    assert rest == []
    assert (flags.host, flags.http_port, flags.model_name) == ("0.0.0.0", 8080, "iris")
    assert flags.model_dir == Path("/mnt/models")


def test_the_runtime_is_the_one_that_our_services_ask_for() -> None:
    runtime, example = read(BASE), read("example/inference-service.yaml")
    assert runtime["metadata"]["name"] == resource.RUNTIME
    assert example == resource.manifest("iris", "default", "gs://models/iris/1", annotations={})
    model = example["spec"]["predictor"]["model"]
    assert model["protocolVersion"] in runtime["spec"]["protocolVersions"]
    assert model["modelFormat"]["name"] in {
        each["name"] for each in runtime["spec"]["supportedModelFormats"]
    }


def test_kanarya_is_chosen_by_itself_and_mlflow_by_name_only() -> None:
    chosen = {
        (each["name"], each["version"]): each["autoSelect"]
        for each in read(BASE)["spec"]["supportedModelFormats"]
    }
    assert chosen == {("kanarya", "1"): True, ("mlflow", "1"): False, ("mlflow", "2"): False}


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("runAsNonRoot", True),
        ("readOnlyRootFilesystem", True),
        ("allowPrivilegeEscalation", False),
        ("privileged", False),
        ("capabilities", {"drop": ["ALL"]}),
        ("seccompProfile", {"type": "RuntimeDefault"}),
    ],
)
def test_it_passes_the_restricted_pod_security_standard(field: str, expected: Any) -> None:
    assert container(read(BASE))["securityContext"][field] == expected


def test_only_tmp_can_be_written_and_not_without_limit() -> None:
    (mount,) = container(read(BASE))["volumeMounts"]
    (volume,) = read(BASE)["spec"]["volumes"]
    assert (mount["mountPath"], mount["name"]) == ("/tmp", volume["name"])
    assert volume["emptyDir"] == {"sizeLimit": "64Mi"}


def test_requests_and_limits_name_cpu_and_memory() -> None:
    for side in container(read(BASE))["resources"].values():
        assert side.keys() == {"cpu", "memory"}


def test_the_image_is_that_of_the_dockerfile_at_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    image = container(read(BASE))["image"]
    assert image == f"kanarya/predictor-python:{version}"
    dockerfile = (ROOT / "serving" / "Dockerfile").read_text(encoding="utf-8")
    assert image in dockerfile
    assert f"ARG VERSION={version}" in dockerfile
    assert ":latest" not in dockerfile


@pytest.mark.parametrize("variant", VARIANTS)
def test_there_is_one_port_and_the_probes_ask_it(variant: str) -> None:
    """Knative knows one port only, and refuses a probe of any other."""
    only = container(rendered(variant))
    (port,) = only["ports"]
    assert port["name"] == {"grpc": "h2c"}.get(variant, "http1")
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        asked = only[probe].get("httpGet") or only[probe]["tcpSocket"]
        assert asked["port"] == port["containerPort"]


def test_the_variants_differ_from_the_base_only_where_they_must() -> None:
    base, namespaced, grpc = (rendered(variant) for variant in VARIANTS)
    assert {**namespaced, "kind": base["kind"]} == base
    assert namespaced["kind"] == "ServingRuntime"
    changed = {key for key in container(base) if container(base)[key] != container(grpc)[key]}
    assert changed == {"args", "ports", "startupProbe", "readinessProbe", "livenessProbe"}
    assert grpc["spec"]["protocolVersions"] == ["grpc-v2"]
    assert grpc["metadata"]["name"] == f"{base['metadata']['name']}-grpc"


@pytest.mark.e2e
@pytest.mark.parametrize("variant", ["base", "grpc"])
def test_a_process_with_these_arguments_answers_these_probes(
    variant: str, iris_model_dir: Path, tmp_path: Path
) -> None:
    runtime = filled(rendered(variant), "iris")
    given, ports = container(runtime), {8080: free_port(), 8081: free_port()}
    places = {"/mnt/models": str(iris_model_dir), "0.0.0.0": "127.0.0.1"}
    swaps = {**places, **{str(port): str(free) for port, free in ports.items()}}
    arguments = [swapped(word, swaps) for word in given["args"]]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "serving.predictor", *arguments], stdout=log, stderr=log
        )
    try:
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            wait_for(lambda asked=given[probe]: passes(asked, ports), probe)
        scraped = runtime["spec"]["annotations"]
        port = ports[int(scraped["prometheus.kserve.io/port"])]
        # Where the probes ask gRPC, HTTP may come a moment later: Prometheus comes again.
        here = {"tcpSocket": {"port": int(scraped["prometheus.kserve.io/port"])}}
        wait_for(lambda: passes(here, ports), "metrics")
        assert raw(port, "GET", scraped["prometheus.kserve.io/path"], b"", {}).status == 200
    finally:
        end(process)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def swapped(word: str, swaps: dict[str, str]) -> str:
    flag, equals, value = word.partition("=")
    return f"{flag}{equals}{swaps.get(value, value)}"


def passes(probe: Any, ports: dict[int, int]) -> bool:
    """Say whether a kubelet would be content."""
    asked = probe.get("httpGet") or probe["tcpSocket"]
    port = ports[asked["port"]]
    with socket.socket() as client:
        if client.connect_ex(("127.0.0.1", port)):
            return False
    return "path" not in asked or raw(port, "GET", asked["path"], b"", {}).status == 200
