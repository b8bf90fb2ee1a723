"""What is said of machines and clusters of all kinds; each thing that is wrong has a cure."""

import json
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from subprocess import PIPE, Popen

import pytest

from pipelines.doctor import cluster, machine
from pipelines.doctor.finding import Finding, Health
from serving.isvc.capabilities import STATE_ANNOTATIONS
from serving.isvc.facts import Config, Facts
from serving.isvc.modes import Mode
from serving.local import kubeconfig
from serving.settings import Settings

WELL = Config(Mode.KNATIVE, True, frozenset(STATE_ANNOTATIONS), (0, 21, 0))
NOW = 1_800_000_000.0
GB = 2**30


def damaged(path: Path) -> Path:
    path.write_bytes(b"SQLite format 3\0" + b"\xff" * 4096)
    return path


@pytest.mark.parametrize(
    ("finding", "health", "says"),
    [
        (machine.python((3, 12)), Health.OK, "3.12"),
        (machine.python((3, 10)), Health.WRONG, "3.11 to 3.13"),
        (machine.disk(Path("/h"), 100 * GB), Health.OK, "100.0 GB"),
        (machine.disk(Path("/h"), 2 * GB), Health.WARNING, "2.0 GB"),
        (machine.disk(Path("/h"), GB // 2), Health.WRONG, "0.5 GB"),
        (machine.clock(NOW, NOW - 5), Health.OK, "2027"),
        (machine.clock(NOW, NOW + 3600), Health.WRONG, "3600 s behind"),
    ],
)
def test_the_machine_is_judged_and_what_is_wrong_has_a_cure(
    finding: Finding, health: Health, says: str
) -> None:
    assert finding.health is health
    assert says in finding.says
    assert bool(finding.cure) == (health is not Health.OK)


def test_a_damaged_database_is_named(tmp_path: Path) -> None:
    found = machine.database(damaged(tmp_path / "mlflow.db"))
    assert (found.check, found.health) == ("mlflow.db", Health.WRONG)


def test_another_version_than_the_locked_one_is_told(tmp_path: Path) -> None:
    (tmp_path / "lock.txt").write_text("kfp==1.0 \\\n    --hash=x\n")
    found = {each.check: each for each in machine.pins(tmp_path / "lock.txt")}
    assert found["kfp"].health is Health.WRONG
    assert found["mlflow"].health is Health.OK


LISTENER = """
import socket, sys
door = socket.create_server(("127.0.0.1", 0))
print(door.getsockname()[1], flush=True)
sys.stdin.read()
"""


@contextmanager
def listening(home: Path, *words: str) -> Iterator[int]:
    """The port of a process that is called as a platform of this home is, or otherwise."""
    command = [sys.executable, "-S", "-c", LISTENER, *words]
    env = {**os.environ, "KANARYA_HOME": str(home)}
    with Popen(command, env=env, stdin=PIPE, stdout=PIPE, text=True) as process:
        assert process.stdout
        yield int(process.stdout.readline())


@pytest.mark.parametrize(
    ("whose", "words", "health", "says"),
    [
        ("mine", ["-m", "serving.local"], Health.OK, "coming up or going down"),
        ("another", ["-m", "serving.local"], Health.WARNING, "the platform of {home} (pid "),
        ("another", [], Health.WRONG, "is taken by "),
    ],
    ids=["the platform of this home", "that of another home", "another program"],
)
def test_a_port_that_a_platform_of_ours_has_is_told_apart_from_one_that_is_taken(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    whose: str,
    words: list[str],
    health: Health,
    says: str,
) -> None:
    settings = Settings.from_env({"KANARYA_HOME": str(tmp_path / "mine")})
    with listening(tmp_path / whose, *words) as port:
        monkeypatch.setenv("KANARYA_API_PORT", str(port))
        monkeypatch.setenv("KANARYA_GATEWAY_PORT", "0")
        found = machine.ports(settings)
    assert found.health is health, found
    assert says.format(home=tmp_path / whose) in found.says


@pytest.mark.parametrize(
    ("facts", "healths"),
    [
        (Facts(WELL, "", True, True, True), ["ok", "ok"]),
        (Facts(WELL, "", False, True, True), ["wrong", "ok"]),
        (Facts(None, "403 in kserve", True, True, True), ["unknown", "ok"]),
        (Facts(WELL, "", True, False, True), ["ok", "warning"]),
    ],
    ids=["well", "no Knative", "no right to look", "no Gateway API"],
)
def test_kserve_is_judged_by_what_a_rollout_needs(
    tmp_path: Path, facts: Facts, healths: list[str]
) -> None:
    settings = Settings.from_env({"KANARYA_HOME": str(tmp_path)})
    found = list(cluster.kserve(facts, settings))
    assert [each.health.value for each in found] == healths
    assert all(each.cure for each in found if each.health is not Health.OK)


class Api(BaseHTTPRequestHandler):
    """An API server whose account may look and not delete."""

    def do_GET(self) -> None:
        self._answer({"items": []} if "inferenceservices" in self.path else {}, 200)

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        verb = asked["spec"]["resourceAttributes"]["verb"]
        self._answer({"status": {"allowed": verb != "delete"}}, 201)

    def _answer(self, body: object, status: int) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Api)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_right_that_is_missing_is_named(address: str, tmp_path: Path) -> None:
    kubeconfig.write(tmp_path / "config", address, "team")
    env = {"KANARYA_HOME": str(tmp_path / "home"), "KUBECONFIG": str(tmp_path / "config")}
    found = {each.check: each for each in cluster.kubernetes(Settings.from_env(env))}
    assert found["kubeconfig"].health is Health.OK
    assert "may not delete inferenceservices" in found["permissions"].says
    assert "create role" in found["permissions"].cure


def test_an_api_that_is_away_is_told_with_its_cure(tmp_path: Path) -> None:
    (found,) = cluster.kubernetes(Settings.from_env({"KANARYA_HOME": str(tmp_path)}))
    assert (found.health, found.cure) == (Health.WRONG, "kanarya up")


@pytest.mark.parametrize(("name", "health"), [("kanarya:latest", Health.WRONG)])
def test_an_image_that_may_change_is_wrong(name: str, health: Health) -> None:
    assert cluster.image("KANARYA_COMPONENTS_IMAGE", name).health is health
