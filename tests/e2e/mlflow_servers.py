"""Real servers on loopback: PostgreSQL, an S3, a Cloud Storage, and MLflow on them."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

BINARIES = "/usr/lib/postgresql/*/bin"
ACCOUNT = "postgres"
"""Whom PostgreSQL runs as where the tests run as root, which it refuses."""
USER, PASSWORD = "admin", "a-long-password"


def free_port() -> int:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        return int(holder.getsockname()[1])


def wait(condition: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 90
    while not condition():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.05)


def listens(port: int) -> bool:
    with socket.socket() as asked:
        return asked.connect_ex(("127.0.0.1", port)) == 0


def end(process: subprocess.Popen[bytes], how: signal.Signals = signal.SIGTERM) -> None:
    process.send_signal(how)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def postgres_binary(name: str) -> str:
    found = shutil.which(name) or next(
        (str(each) for each in sorted(Path("/").glob(f"{BINARIES[1:]}/{name}"), reverse=True)), None
    )
    if found is None:
        pytest.skip(f"PostgreSQL's {name} is not here: run `apt-get install postgresql`")
    return found


@contextmanager
def postgresql() -> Iterator[str]:
    """Yield the URI of an empty database of a server of our own; it ends with its files."""
    who = {"user": ACCOUNT, "group": ACCOUNT, "extra_groups": []} if os.getuid() == 0 else {}
    # pytest's own folders are closed to other users.
    with tempfile.TemporaryDirectory(prefix="kanarya-pg-") as folder:
        home, port = Path(folder), free_port()
        if who:
            shutil.chown(home, ACCOUNT, ACCOUNT)
        data, log = home / "data", home / "log"
        make = [postgres_binary("initdb"), "-D", str(data), "-U", ACCOUNT, "-A", "trust", "-N"]
        subprocess.run(make, check=True, capture_output=True, cwd=home, **who)  # type: ignore[call-overload]
        serve = [postgres_binary("postgres"), "-D", str(data), "-p", str(port), "-k", str(home)]
        serve += ["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
        with log.open("wb") as file:
            process = subprocess.Popen(serve, stdout=file, stderr=file, cwd=home, **who)  # type: ignore[call-overload]
        try:
            wait(lambda: listens(port), process, log)
            yield f"postgresql+psycopg2://{ACCOUNT}@127.0.0.1:{port}/postgres"
        finally:
            end(process, signal.SIGINT)  # without waiting for who is connected


@contextmanager
def simple_storage(*buckets: str) -> Iterator[dict[str, str]]:
    """Yield the environment that leads Amazon's clients to an S3 of our own with these buckets."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    address = f"http://127.0.0.1:{server.get_host_and_port()[1]}"
    known = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}
    client = boto3.client("s3", endpoint_url=address, region_name="us-east-1", **known)
    for bucket in buckets:
        client.create_bucket(Bucket=bucket)
    try:
        yield {
            "AWS_ENDPOINT_URL": address,
            "AWS_DEFAULT_REGION": "us-east-1",
            **{name.upper(): value for name, value in known.items()},
        }
    finally:
        server.stop()


@contextmanager
def cloud_storage(*buckets: str) -> Iterator[dict[str, str]]:
    """Yield the environment that leads Google's clients to a Cloud Storage of our own."""
    from gcp_storage_emulator.server import create_server
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import storage

    port = free_port()
    server = create_server("127.0.0.1", port, in_memory=True)
    server.start()
    address = f"http://127.0.0.1:{port}"
    options = {"api_endpoint": address}
    client = storage.Client("kanarya", AnonymousCredentials(), client_options=options)
    for bucket in buckets:
        client.create_bucket(bucket)
    try:
        yield {"STORAGE_EMULATOR_HOST": address, "GOOGLE_CLOUD_PROJECT": "kanarya"}
    finally:
        server.stop()


@dataclass
class MlflowServer:
    """An MLflow server that can be ended and started again at the same address."""

    home: Path
    database: str
    artifacts: str
    environment: Mapping[str, str]
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        (self.home / "auth.ini").write_text(
            f"[mlflow]\ndefault_permission = READ\ndatabase_uri = {self.database}\n"
            f"admin_username = {USER}\nauth_cache_ttl_seconds = 60\n"
        )
        words = ["server", "--app-name", "basic-auth", "--host", "127.0.0.1", "--workers", "1"]
        words += ["--port", str(self.port), "--backend-store-uri", self.database]
        words += ["--artifacts-destination", self.artifacts, "--allowed-hosts", "127.0.0.1:*"]
        log = self.home / "mlflow.log"
        around = {
            "MLFLOW_AUTH_CONFIG_PATH": str(self.home / "auth.ini"),
            "MLFLOW_AUTH_ADMIN_PASSWORD": PASSWORD,
            "MLFLOW_FLASK_SERVER_SECRET_KEY": "for the tests alone",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            **self.environment,
        }
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "mlflow", *words],
                stdout=file,
                stderr=file,
                cwd=self.home,
                env={**os.environ, **around},
                start_new_session=True,
            )
        wait(self.answers, self.process, log)

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def kill(self) -> None:
        """End the server and its workers at once, as a machine that is switched off would."""
        if self.process:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None
