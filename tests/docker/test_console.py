"""The console's image: read-only, as nobody, behind logins; what its pages ask for is inside."""

from __future__ import annotations

import http.client
import json
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from console.access.logins import with_token
from console.access.roles import Role
from scripts import images
from tests.docker.engine import (
    UNCOMPILED,
    docker,
    image,
    inspected,
    printed,
    running,
    until_healthy,
)

pytestmark = [pytest.mark.docker, pytest.mark.timeout(1200)]

LOGIN, TOKEN = with_token("build", Role.OPERATOR)
VARIABLE = "KANARYA_CONSOLE_LOGINS"
MOST_BYTES = 250 * 10**6
IRIS = Path(__file__).resolve().parents[2] / "pipelines" / "specs" / "iris.csv"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@dataclass(frozen=True)
class Console:
    """A console in a container: its port, and its name."""

    port: int
    name: str

    def ask(self, method: str, path: str, body: bytes = b"", token: str = TOKEN) -> tuple[int, Any]:
        status, given = self.page(method, path, body, token)
        return status, json.loads(given)

    def page(
        self, method: str, path: str, body: bytes = b"", token: str = TOKEN
    ) -> tuple[int, bytes]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, {**headers, "Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


@pytest.fixture(scope="module")
def console() -> Iterator[Console]:
    """A healthy console beside a healthy MLflow, on this machine's network."""
    ports = [free_port(), free_port()]
    server = {"MLFLOW_HOST": "127.0.0.1", "MLFLOW_PORT": str(ports[0])}
    address = f"http://127.0.0.1:{ports[0]}"
    own = {
        "KANARYA_CONSOLE_HOST": "127.0.0.1",
        "KANARYA_CONSOLE_PORT": str(ports[1]),
        "MLFLOW_TRACKING_URI": address,
        "KANARYA_MODEL_STORE": "s3://models",  # nobody's: what the registry knows is shown
        "KANARYA_LEDGER": "/kanarya/ledger",
        VARIABLE: LOGIN.line(),
    }
    with running(image("mlflow"), flags=flags(server, "/mlflow")) as tracking:
        until_healthy(tracking)
        register(address)
        with running(image("console"), flags=flags(own, "/kanarya")) as name:
            until_healthy(name)
            yield Console(ports[1], name)


def register(address: str) -> None:
    """Make a registered model of one version at an MLflow server."""
    from mlflow import MlflowClient

    client = MlflowClient(address, address)
    run = client.create_run(client.create_experiment("kept")).info.run_id
    client.create_registered_model("kept")
    client.create_model_version("kept", f"runs:/{run}/model", run)


def flags(environment: dict[str, str], home: str) -> tuple[str, ...]:
    """What docker is told of variables, and of a volume that the image's user owns."""
    given = [word for name, value in environment.items() for word in ("--env", f"{name}={value}")]
    volume = f"{home}:size=64m,uid=50000,gid=50000"
    return (*given, "--network", "host", "--tmpfs", volume)


def test_who_has_no_login_sees_nothing(console: Console) -> None:
    assert console.ask("GET", "/api/runs", token="")[0] == 401
    assert console.ask("GET", "/api/runs", token="a-guess")[0] == 401
    status, runs = console.ask("GET", "/api/runs")
    assert (status, runs["total"]) == (200, 0)


@pytest.mark.parametrize("page", ["/", "/new", "/models", "/services", "/queue", "/compare"])
def test_every_page_is_built(console: Console, page: str) -> None:
    status, given = console.page("GET", page)
    assert status == 200
    assert b"Kanarya" in given


def test_the_registry_of_an_mlflow_server_is_read(console: Console) -> None:
    status, found = console.ask("GET", "/api/models/kept")
    assert status == 200, found
    assert [each["version"] for each in found["versions"]] == ["1"]


def test_data_is_taken_looked_at_and_checked(console: Console) -> None:
    status, upload = console.ask("POST", "/api/uploads?name=iris.csv", IRIS.read_bytes())
    assert status == 201, upload
    status, seen = console.ask("GET", f"/api/new/preview?uri={upload['path']}")
    assert status == 200, seen
    assert (seen["columns"][-1]["name"], seen["complete"]) == ("species", True)
    path = f"/api/new/findings?uri={upload['path']}&target=species"
    status, found = console.ask("GET", path)
    assert status == 200, found
    assert found["rows"] == 150


def test_nothing_is_run_in_it(console: Console) -> None:
    spec = {"name": "iris", "data": {"uri": "/nowhere.csv", "target": "species"}}
    status, told = console.ask("POST", "/api/runs", json.dumps({"spec": spec}).encode())
    assert status >= 400
    assert "nothing is run on this machine (KANARYA_QUEUE=0)" in told["error"]
    assert console.ask("GET", "/api/queue")[1]["entries"] == []


def test_it_has_no_rights_and_stays_small(console: Console, record_property: Any) -> None:
    status = docker("exec", console.name, "cat", "/proc/1/status").stdout
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert fields["Uid"].split() == ["50000"] * 4
    assert int(fields["CapEff"], 16) == 0
    resident = int(fields["VmRSS"].split()[0]) * 1024
    record_property("resident_bytes", resident)
    assert resident < MOST_BYTES
    assert inspected(console.name)["HostConfig"]["ReadonlyRootfs"]
    assert "Traceback" not in docker("logs", console.name).stderr


def test_it_ends_on_sigterm_and_its_home_outlasts_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    if os.getuid() == 0:
        os.chown(home, 50000, 50000)
    else:
        home.chmod(0o777)
    own = (
        "--network",
        "none",
        "--volume",
        f"{home}:/kanarya",
        "--env",
        f"{VARIABLE}={LOGIN.line()}",
    )
    with running(image("console"), flags=own) as name:
        until_healthy(name)
        docker("stop", "--time", "20", name)
        assert inspected(name)["State"]["ExitCode"] in (0, 143)
    assert (home / "console" / "secret").is_file()
    assert not (home / "services" / "console.json").exists()


def test_without_logins_it_ends_with_one_line() -> None:
    done = docker("run", "--rm", "--network", "none", image("console"), check=False)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("kanarya: the console at 0.0.0.0 could be reached by others")


SUBMITTED = """
import json
import boto3, google.cloud.storage, kubernetes, kfp_server_api
from pipelines import cluster, cluster_runs, cluster_watch
from pipelines.cluster_package import text_of
text = text_of("tabular")
found = cluster.connect(__import__("pipelines.cluster_place", fromlist=["Place"]).Place(
    "http://127.0.0.1:1", "http://127.0.0.1:1"))
print(json.dumps({"sdk": found.sdk, "named": "DIGEST" in text.replace("0" * 64, "DIGEST")}))
"""


def test_what_a_run_on_a_cluster_needs_is_inside() -> None:
    named = "registry.example/components-python@sha256:" + "0" * 64
    program = f"import os; os.environ['KANARYA_COMPONENTS_IMAGE'] = {named!r}\n{SUBMITTED}"
    assert printed(image("console"), program) == {"sdk": "2.17.0", "named": True}


ABSENT = ("tensorflow", "sklearn", "pandas", "onnxruntime", "onnx", "kserve", "scripts")


def test_it_holds_no_trainer_and_no_server() -> None:
    program = (
        "import json; from importlib.util import find_spec; "
        f"print(json.dumps([n for n in {ABSENT!r} if find_spec(n)]))"
    )
    assert printed(image("console"), program) == []


def test_it_is_compiled_and_says_what_it_was_built_from(record_property: Any) -> None:
    missing = printed(image("console"), UNCOMPILED)
    ours = ("/components/", "/console/", "/pipelines/", "/serving/")
    assert [path for path in missing if any(each in path for each in ours)] == []
    found = inspected(image("console"))
    labels = found["Config"]["Labels"]
    assert labels["org.opencontainers.image.revision"] == images.release(os.environ).commit
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert found["Config"]["User"] == "50000:50000"
    record_property("megabytes", found["Size"] // 10**6)
    print(f"{image('console')}: {found['Size'] / 1e6:.0f} MB")
