"""MLflow's own server, with the variables that the manifests give it, answers who it should."""

from __future__ import annotations

import http.client
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.manifests.rendered import of_kind
from tests.manifests.test_runtime import free_port
from tests.serving.predictor.running import end, wait_for

pytestmark = pytest.mark.e2e
SEARCH = "/api/2.0/mlflow/experiments/search?max_results=1"


def given(folder: str) -> dict[str, str]:
    """The variables of the server's container; a value may name one that stands before it."""
    (config,) = of_kind(folder, "ConfigMap", "mlflow-server")
    (server,) = of_kind(folder, "Deployment", "mlflow")
    (only,) = server["spec"]["template"]["spec"]["containers"]
    found = {"POD_NAMESPACE": server["metadata"]["namespace"], **config["data"]}
    for each in only["env"]:
        if "value" in each:
            found[each["name"]] = re.sub(r"\$\((\w+)\)", lambda m: found[m[1]], each["value"])
    return found


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    home, port = tmp_path_factory.mktemp("mlflow"), free_port()
    told = given("overlays/dev")
    own = {
        "MLFLOW_BACKEND_STORE_URI": f"sqlite:///{home}/mlflow.db",
        "MLFLOW_ARTIFACTS_DESTINATION": str(home / "artifacts"),
        "MLFLOW_HOST": "127.0.0.1",
        "MLFLOW_PORT": str(port),
        "HOME": str(home),
    }
    program = Path(sys.executable).with_name("mlflow")
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(
            [program, "server"], env={**os.environ, **told, **own}, stdout=log, stderr=log, cwd=home
        )
    try:
        wait_for(lambda: _answer(port, "/health", "10.244.0.7:5001") == 200, "MLflow is up")
        yield port
    finally:
        end(server)


def _answer(port: int, path: str, host: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers={"Host": host})
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("mlflow:5001", 200),
        ("mlflow.kanarya:5001", 200),
        ("mlflow.kanarya.svc.cluster.local:5001", 200),
        ("localhost:15001", 200),
        ("mlflow.evil.example:5001", 403),
        ("mlflow.kanarya.evil.example:5001", 403),
    ],
)
def test_it_answers_to_its_names_in_the_cluster_and_to_no_other(
    port: int, host: str, status: int
) -> None:
    assert _answer(port, SEARCH, host) == status
