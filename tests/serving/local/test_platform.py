"""The platform as a daemon: started, stopped, killed, started again."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from serving.errors import PlatformError, UsageError
from serving.local import platform
from serving.local.platform import Ports
from serving.settings import Settings
from tests.serving.local.a3_rows import Expect, seen_in
from tests.serving.local.platform_kit import FAKE, Models, service, soon

FREE = Ports(0, 0)


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    made = Settings.from_env({"KANARYA_HOME": str(tmp_path / "home"), "KANARYA_NAMESPACE": "ml"})
    yield made
    platform.down(made)


def start(settings: Settings) -> platform.Platform:
    return platform.up(settings, FREE, predictor=FAKE)


def ask(url: str, body: dict[str, Any] | None = None, method: str | None = None) -> Any:
    kinds = {"PATCH": "application/merge-patch+json"}
    headers = {"Content-Type": kinds.get(method or "", "application/json")}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)


def services(on: platform.Platform) -> str:
    return f"{on.api_url}/apis/serving.kserve.io/v1beta1/namespaces/ml/inferenceservices"


def expect(on: platform.Platform, expected: Expect) -> None:
    url = f"{services(on)}/iris"
    soon(lambda: seen_in(ask(url).get("status", {})) == expected, str(expected))


def canary(on: platform.Platform, models: Models) -> None:
    first, second = (
        {"model": {"modelFormat": {"name": "onnx"}, "storageUri": models.make(name)}}
        for name in ("m1", "m2")
    )
    ask(services(on), service("iris", first))
    expect(on, Expect("v1*:100", "v1", "-"))
    patch = {"spec": {"predictor": {**second, "canaryTrafficPercent": 10}}}
    ask(f"{services(on)}/iris", patch, "PATCH")
    expect(on, Expect("v2*:10 v1:90", "v1", "-"))


def split(on: platform.Platform) -> int:
    """Return how many of ten predictions the second revision answers."""
    url = f"{on.gateway_url}/serving/ml/iris/v1/models/iris:predict"
    return sum(ask(url, {})["revision"].endswith("2") for _ in range(10))


@pytest.mark.e2e
def test_up_serves_and_down_leaves_no_process(settings: Settings, tmp_path: Path) -> None:
    on = start(settings)
    canary(on, Models(tmp_path))
    assert split(on) == 1
    found = platform.status(settings)
    assert found.running
    assert found.healthy
    assert {each.revision for each in found.predictors} == {
        "iris-predictor-00001",
        "iris-predictor-00002",
    }
    pids = [on.pid, *(each.pid for each in found.predictors)]
    assert platform.down(settings)
    assert not [pid for pid in pids if alive(pid)]
    assert not platform.status(settings).running
    assert not platform.down(settings)
    assert not (settings.home / "services" / "platform.json").exists()


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.e2e
def test_a_second_up_returns_the_platform_that_runs(settings: Settings) -> None:
    on = start(settings)
    (settings.kubeconfig).unlink()
    assert start(settings) == on
    assert on.api_url in settings.kubeconfig.read_text()


@pytest.mark.e2e
def test_two_ups_at_once_get_one_platform(settings: Settings) -> None:
    code = (
        "import sys; from serving.local import platform; from serving.settings import Settings;"
        "print(platform.up(Settings.from_env(), platform.Ports(0, 0)))"
    )
    env = {**os.environ, **settings.environment()}

    def one(_: int) -> str:
        run = subprocess.run(
            [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
        )
        return run.stdout

    with ThreadPoolExecutor(3) as pool:
        assert len(set(pool.map(one, range(3)))) == 1


@pytest.mark.e2e
def test_a_killed_platform_leaves_no_orphan_and_comes_back_with_its_traffic(
    settings: Settings, tmp_path: Path
) -> None:
    on = start(settings)
    canary(on, Models(tmp_path))
    pids = [each.pid for each in platform.status(settings).predictors]
    assert len(pids) == 2
    os.kill(on.pid, signal.SIGKILL)
    soon(lambda: not any(map(alive, pids)), "the predictors end")
    assert not platform.status(settings).running
    again = start(settings)
    assert again.pid != on.pid
    expect(again, Expect("v2*:10 v1:90", "v1", "-"))
    assert split(again) == 1


@pytest.mark.e2e
def test_a_stopped_platform_comes_back_with_its_traffic(settings: Settings, tmp_path: Path) -> None:
    canary(start(settings), Models(tmp_path))
    platform.down(settings)
    again = start(settings)
    expect(again, Expect("v2*:10 v1:90", "v1", "-"))


@pytest.mark.e2e
@pytest.mark.parametrize("door", ["api", "gateway"])
def test_a_port_that_is_taken_is_named_with_who_has_it(settings: Settings, door: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PlatformError) as caught:
            platform.up(settings, Ports(**{"api": 0, "gateway": 0, door: port}))
    said = str(caught.value)
    assert f"port {port} is taken by" in said
    assert f"pid {os.getpid()}" in said
    assert f"--{door}-port N" in said
    assert f"KANARYA_{door.upper()}_PORT" in said
    assert not platform.status(settings).running


@pytest.mark.e2e
def test_two_daemons_cannot_have_one_home(settings: Settings) -> None:
    start(settings)
    command = [sys.executable, "-m", "serving.local", "--api-port=0", "--gateway-port=0"]
    env = {**os.environ, **settings.environment()}
    second = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
    assert second.returncode == 1
    assert second.stderr.startswith("error: a platform already runs in")
    assert "Traceback" not in second.stderr
    assert platform.status(settings).healthy


@pytest.mark.e2e
def test_up_does_not_touch_a_kubeconfig_elsewhere(settings: Settings, tmp_path: Path) -> None:
    env = {**settings.environment(), "KUBECONFIG": str(tmp_path / "mine")}
    elsewhere = Settings.from_env(env)
    start(elsewhere)
    assert not (tmp_path / "mine").exists()


def test_status_and_down_of_a_home_that_does_not_exist(tmp_path: Path) -> None:
    settings = Settings.from_env({"KANARYA_HOME": str(tmp_path / "none")})
    assert not platform.status(settings).running
    assert not platform.down(settings)
    assert not settings.home.exists()


def test_a_home_that_cannot_be_made_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings = Settings.from_env({"KANARYA_HOME": str(tmp_path / "file")})
    with pytest.raises(PlatformError, match="KANARYA_HOME"):
        platform.up(settings, FREE)


def test_a_record_of_another_process_with_the_same_pid_is_not_believed(tmp_path: Path) -> None:
    settings = Settings.from_env({"KANARYA_HOME": str(tmp_path)})
    (tmp_path / "services").mkdir()
    record = {"pid": os.getpid(), "create_time": 1.0, "api_port": 1, "gateway_port": 2}
    path = tmp_path / "services" / "platform.json"
    path.write_text(json.dumps({**record, "started_at": "then"}))
    assert not platform.status(settings).running
    assert not platform.down(settings)


@pytest.mark.parametrize("port", ["abc", "-1", "65536", "1.5"])
def test_a_port_in_the_environment_must_be_a_port(port: str) -> None:
    with pytest.raises(UsageError, match="KANARYA_API_PORT"):
        Ports.from_env({"KANARYA_API_PORT": port})


def test_the_ports_come_from_the_environment() -> None:
    assert Ports.from_env({}) == Ports(8600, 8601)
    assert Ports.from_env({"KANARYA_GATEWAY_PORT": "0"}) == Ports(8600, 0)
