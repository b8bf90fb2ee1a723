"""MLflow's image: read-only, as nobody, with SQLite or PostgreSQL; what it was told outlasts it."""

from __future__ import annotations

import os
import socket
import subprocess
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

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
from tests.docker.postgres import PASSWORD, postgres

pytestmark = [pytest.mark.docker, pytest.mark.timeout(900)]

ADMIN = "a-long-password-of-this-test"
LOGIN = {
    "KANARYA_MLFLOW_AUTH": "basic",
    "MLFLOW_AUTH_ADMIN_PASSWORD": ADMIN,
    "MLFLOW_FLASK_SERVER_SECRET_KEY": "a-key-of-this-test",
}


@contextmanager
def server(
    volume: Path | None, environment: dict[str, str] | None = None
) -> Iterator[tuple[str, str]]:
    """Yield the address of a healthy server of the image, and its container."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    given = {"MLFLOW_HOST": "127.0.0.1", "MLFLOW_PORT": str(port), **(environment or {})}
    flags = [word for name, value in given.items() for word in ("--env", f"{name}={value}")]
    flags += ["--network", "host", *(["--volume", f"{volume}:/mlflow"] if volume else [])]
    with running(image("mlflow"), flags=tuple(flags)) as name:
        until_healthy(name)
        yield f"http://127.0.0.1:{port}", name


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    """A folder that the image's user owns, as fsGroup makes one on a cluster."""
    folder = tmp_path / "volume"
    folder.mkdir()
    if os.getuid() == 0:
        os.chown(folder, 50000, 50000)
    else:
        folder.chmod(0o777)
    return folder


def register(address: str) -> None:
    """Log a run with an artifact, and make it the champion of a registered model."""
    from mlflow import MlflowClient

    client = MlflowClient(address, address)
    run = client.create_run(client.create_experiment("kept"), run_name="one")
    client.log_metric(run.info.run_id, "accuracy", 0.9)
    client.log_text(run.info.run_id, "what was written", "note.txt")
    client.set_terminated(run.info.run_id)
    client.create_registered_model("kept")
    client.create_model_version("kept", f"runs:/{run.info.run_id}/model", run.info.run_id)
    client.set_registered_model_alias("kept", "champion", "1")


def require_kept(address: str, folder: Path) -> None:
    """What `register` did is still there."""
    from mlflow import MlflowClient

    client = MlflowClient(address, address)
    experiment = client.get_experiment_by_name("kept")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id], "metrics.accuracy > 0.8")
    found = client.download_artifacts(run.info.run_id, "note.txt", str(folder))
    assert Path(found).read_text() == "what was written"
    assert client.get_model_version_by_alias("kept", "champion").run_id == run.info.run_id


def test_with_sqlite_it_keeps_everything_over_a_restart(volume: Path, tmp_path: Path) -> None:
    with server(volume) as (address, name):
        register(address)
        assert inspected(name)["HostConfig"]["ReadonlyRootfs"]
        status = docker("exec", name, "cat", "/proc/1/status").stdout
        assert "Uid:\t50000\t50000\t50000\t50000" in status
        processes = docker("top", name).stdout
        assert "huey" not in processes
        with urllib.request.urlopen(f"{address}/", timeout=10) as answer:
            assert b"<html" in answer.read()  # the pages are in the image
        docker("stop", "--time", "20", name)
        assert inspected(name)["State"]["ExitCode"] in (0, 143)
        assert "Traceback" not in docker("logs", name).stderr
    with server(volume) as (address, _):
        require_kept(address, tmp_path)
    assert {path.name for path in volume.iterdir()} == {"mlflow.db", "artifacts"}


@pytest.fixture
def bucket() -> Iterator[dict[str, str]]:
    """An S3 server with an empty bucket, as the variables that point MLflow at it."""
    import boto3
    from moto.server import ThreadedMotoServer

    served = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    served.start()
    host, port = served.get_host_and_port()
    keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
    url, region = f"http://{host}:{port}", "us-east-1"
    known = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": region}
    boto3.client("s3", endpoint_url=url, **known).create_bucket(Bucket="models")
    try:
        yield {
            **keys,
            "AWS_DEFAULT_REGION": region,
            "MLFLOW_S3_ENDPOINT_URL": url,
            "MLFLOW_ARTIFACTS_DESTINATION": "s3://models/mlflow",
        }
    finally:
        served.stop()


def test_with_postgresql_and_s3_servers_come_and_go_and_nothing_is_lost(
    bucket: dict[str, str], tmp_path: Path
) -> None:
    with postgres() as port:
        given = {
            **bucket,
            "MLFLOW_BACKEND_STORE_URI": f"postgresql://mlflow@127.0.0.1:{port}/postgres",
            "PGPASSWORD": PASSWORD,
        }
        with server(None, given) as (one, _), server(None, given) as (other, _):
            register(one)
            require_kept(other, tmp_path)
        with server(None, given) as (address, name):
            require_kept(address, tmp_path)
            assert "/mlflow" not in {each["Destination"] for each in inspected(name)["Mounts"]}


def status(address: str, path: str, user: str = "", password: str = "") -> int:
    request = urllib.request.Request(f"{address}{path}")
    if user:
        token = b64encode(f"{user}:{password}".encode()).decode()
        request.add_header("Authorization", f"Basic {token}")
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_with_a_login_only_the_probes_go_without(volume: Path) -> None:
    search = "/api/2.0/mlflow/experiments/search?max_results=1"
    with server(volume, LOGIN) as (address, name):
        assert status(address, "/health") == 200
        assert status(address, search) == 401
        assert status(address, search, "admin", "password1234") == 401
        assert status(address, search, "admin", ADMIN) == 200
        said = docker("logs", name)
        assert ADMIN not in said.stdout + said.stderr


def test_it_answers_to_the_names_that_it_is_told(volume: Path) -> None:
    def asked(address: str, host: str) -> int:
        request = urllib.request.Request(
            f"{address}/api/2.0/mlflow/experiments/search?max_results=1"
        )
        request.add_header("Host", host)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    hosts = {"MLFLOW_SERVER_ALLOWED_HOSTS": "mlflow:5001,mlflow.team.svc.cluster.local:5001"}
    with server(volume, hosts) as (address, _):
        assert asked(address, "mlflow:5001") == 200
        assert asked(address, "evil.example") == 403


REFUSED: dict[str, tuple[tuple[str, ...], str]] = {
    "a root that nobody may write and no volume": ((), "/mlflow cannot be written by user 50000"),
    "a database that does not answer": (
        ("--env", "MLFLOW_BACKEND_STORE_URI=postgresql://mlflow:hunter2@127.0.0.1:9/mlflow"),
        "the database of MLFLOW_BACKEND_STORE_URI does not answer: connection to server",
    ),
    "a login without secrets": (("--env", "KANARYA_MLFLOW_AUTH=basic"), "from a secret"),
}


@pytest.mark.parametrize(("flags", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_work_ends_it_with_one_line(flags: tuple[str, ...], sentence: str) -> None:
    done = once(*(flags if flags else ()), volume=bool(flags))
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert sentence in line
    assert "hunter2" not in line


def once(*flags: str, volume: bool) -> subprocess.CompletedProcess[str]:
    """Run the image until it ends; `volume`: with a place to write."""
    place = ("--tmpfs", "/mlflow:uid=50000,gid=50000") if volume else ()
    locked = ("--read-only", "--tmpfs", "/tmp", "--network", "none", "--cap-drop", "ALL")
    return docker("run", "--rm", *locked, *place, *flags, image("mlflow"), check=False)


def test_it_has_no_trainer_and_is_python_3_12() -> None:
    absent = ("sklearn", "scipy", "pyarrow", "matplotlib", "tensorflow", "pip", "components")
    program = (
        "import json, sys; from importlib.util import find_spec; "
        f"found = [n for n in {absent!r} if find_spec(n)]; "
        "print(json.dumps([*sys.version_info[:2], found]))"
    )
    assert printed(image("mlflow"), program) == [3, 12, []]


def test_it_speaks_to_postgresql_s3_and_google() -> None:
    program = (
        "import json, boto3, psycopg2; from google.cloud import storage; "
        "print(json.dumps([boto3.__name__, psycopg2.__name__, storage.__name__]))"
    )
    assert printed(image("mlflow"), program) == ["boto3", "psycopg2", "google.cloud.storage"]


def test_every_module_is_compiled() -> None:
    missing = printed(image("mlflow"), UNCOMPILED)
    assert len(missing) < 20, "what cannot be compiled is written for another Python"


def test_it_says_what_it_was_built_from() -> None:
    found = inspected(image("mlflow"))["Config"]
    commit = images.release(os.environ).commit
    assert found["Labels"]["org.opencontainers.image.revision"] == commit
    assert found["User"] == "50000:50000"
    assert list(found["ExposedPorts"]) == ["5001/tcp"]
