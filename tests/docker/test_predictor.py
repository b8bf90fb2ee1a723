"""The predictor's image: it builds, serves under lock and key, and holds nothing else."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scripts import images
from tests.docker import engine
from tests.docker.engine import UNCOMPILED, docker, inspected, printed
from tests.serving.predictor.conformance.doors import is_open
from tests.serving.predictor.conformance.wire import raw
from tests.serving.predictor.running import wait_for

pytestmark = [pytest.mark.docker, pytest.mark.timeout(1200)]

ROW = [6.3, 3.3, 6.0, 2.5]


@pytest.fixture(scope="module")
def image() -> str:
    return engine.image("predictor-python")


@contextmanager
def container(image: str, model_dir: Path, *words: str, network: str) -> Iterator[str]:
    """Yield the id of a container that serves a directory; remove it afterwards."""
    flags = ("--network", network, "--volume", f"{model_dir}:/mnt/models:ro")
    with engine.running(image, *words, flags=flags) as name:
        yield name


@pytest.fixture(scope="module")
def model_dir(iris_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`iris` where any user may read it, as KServe's storage initializer leaves it."""
    copy = shutil.copytree(iris_model_dir, tmp_path_factory.mktemp("mounted") / "1")
    for path in (copy, *copy.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return copy


@pytest.fixture(scope="module")
def ports() -> dict[str, int]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("", 0)) as other:
        return {"http": one.getsockname()[1], "grpc": other.getsockname()[1]}


@pytest.fixture(scope="module")
def running(image: str, model_dir: Path, ports: dict[str, int]) -> Iterator[str]:
    """A container on this host's network, with both doors."""
    flags = ("--model_dir=/mnt/models", "--model_name=iris", f"--http_port={ports['http']}")
    grpc = ("--enable_grpc=true", f"--grpc_port={ports['grpc']}")
    with container(image, model_dir, *flags, *grpc, network="host") as name:
        wait_for(lambda: is_open(ports["http"]) and is_open(ports["grpc"]), "both doors are open")
        yield name


def test_it_answers_by_rest_with_a_root_it_cannot_write(
    running: str, ports: dict[str, int]
) -> None:
    body = json.dumps({"instances": [ROW]}).encode()
    given = raw(ports["http"], "POST", "/v1/models/iris:predict", body, {})
    assert given.status == 200
    assert given.value["predictions"] == ["virginica"]
    assert inspected(running)["HostConfig"]["ReadonlyRootfs"]
    assert "Traceback" not in docker("logs", running).stderr


def test_it_answers_by_grpc(running: str, ports: dict[str, int]) -> None:
    from kserve import InferenceGRPCClient, InferInput, InferRequest

    rows = InferInput("rows", [1, 4], "FP32")
    rows.set_data_from_numpy(np.array([ROW], np.float32), binary_data=True)

    async def ask() -> Any:
        client = InferenceGRPCClient(f"127.0.0.1:{ports['grpc']}")
        return await client.infer(InferRequest("iris", [rows]))

    assert asyncio.run(ask()).outputs[0].as_numpy().tolist() == [b"virginica"]


def test_it_runs_as_a_user_without_rights(running: str) -> None:
    status = docker("exec", running, "cat", "/proc/1/status").stdout
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert fields["Uid"].split() == ["50000"] * 4
    assert int(fields["CapEff"], 16) == 0
    assert docker("exec", running, "touch", "/opt/kanarya/x", check=False).returncode != 0


def test_with_its_own_command_alone_it_is_healthy_and_ends_on_sigterm(
    image: str, model_dir: Path
) -> None:
    with container(image, model_dir, network="none") as name:
        wait_for(lambda: engine.healthy(name), "the container is healthy")
        docker("stop", "--time", "20", name)
        assert inspected(name)["State"]["ExitCode"] == 0


def test_a_directory_that_was_tampered_with_ends_it_with_one_line(
    image: str, model_dir: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(model_dir, tmp_path / "1")
    (copy / "model.onnx").write_bytes(b"changed")
    with container(image, copy, network="none") as name:
        docker("wait", name)
        assert inspected(name)["State"]["ExitCode"] == 1
        (line,) = docker("logs", name).stderr.splitlines()
    assert line.startswith("error: ")
    assert "model.onnx" in line


ABSENT = (
    *("tensorflow", "keras", "mlflow", "sklearn", "scipy", "polars", "pyarrow", "kfp", "onnx"),
    *("matplotlib", "components", "pipelines", "scripts", "tests", "serving.local"),
    *("serving.rollout", "serving.isvc.client", "setuptools", "grpc_tools", "aiohttp"),
)


def test_it_holds_no_trainer_no_mlflow_and_no_control_plane(image: str) -> None:
    program = (
        "import json; from importlib.util import find_spec; "
        f"print(json.dumps([n for n in {ABSENT!r} if find_spec(n)]))"
    )
    assert printed(image, program) == []


def test_every_module_is_compiled(image: str) -> None:
    missing = printed(image, UNCOMPILED)
    assert [path for path in missing if "/serving/" in path] == []
    assert len(missing) < 10, "what cannot be compiled is written for another Python"


def test_it_says_what_it_was_built_from_and_what_it_weighs(
    image: str, record_property: Any
) -> None:
    found = inspected(image)
    labels = found["Config"]["Labels"]
    assert labels["org.opencontainers.image.revision"] == images.release(os.environ).commit
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    record_property("megabytes", found["Size"] // 10**6)
    print(f"{image}: {found['Size'] / 1e6:.0f} MB")
    assert found["Config"]["User"] == "50000:50000"
