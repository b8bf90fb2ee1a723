"""What breaks around whole runs, by the table of `chaos_table`; minutes, so not in every check."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from console import background
from pipelines import workers
from pipelines.journal import Result, RunFolder, Step
from pipelines.run_events import follow
from serving.local import platform
from tests.e2e.chaos_rig import Rig, asked, disk, filled, kill, spoil
from tests.e2e.chaos_table import said
from tests.e2e.conftest import IRIS, eventually
from tests.e2e.mlflow_servers import postgres_binary, postgresql

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(1200)]

CHANGES = (
    "model={kind: logistic_regression}",
    "gate.champion.margin=1",
    "rollout.steps=[50, 100]",
    "rollout.max_seconds=0.5",
    "rollout.on_inconclusive=promote",
)
RUN = ("run", str(IRIS), *(word for change in CHANGES for word in ("--set", change)))


@pytest.fixture
def rig(tmp_path: Path, iris_model_dir: Path) -> Iterator[Rig]:
    """A live model with workers and console beside it."""
    made = Rig(tmp_path / "home", ("workers", "console"))
    try:
        made.live(iris_model_dir)
        yield made
    finally:
        made.down()


def test_a_port_that_was_stolen_from_a_killed_platform_is_told_and_waited_for(rig: Rig) -> None:
    supervisor = workers.status(rig.settings).supervisor
    assert supervisor is not None
    os.kill(supervisor.pid, signal.SIGSTOP)  # it must not be faster than the thief
    try:
        kill(rig.platform.pid)
        with thief(rig.platform.api_port):
            os.kill(supervisor.pid, signal.SIGCONT)
            told = f"port {rig.platform.api_port} is taken"
            eventually(lambda: told in rig.log("workers"))
            ports = {"KANARYA_API_PORT": str(rig.platform.api_port)}
            said("a port is stolen", rig.refused("up", **ports))
    finally:
        os.kill(supervisor.pid, signal.SIGCONT)
    eventually(lambda: platform.status(rig.settings).healthy, 40)
    eventually(rig.answers, 40)
    rig.up()


def test_a_platform_killed_on_a_full_disk_comes_back_once_there_is_room(
    tmp_path: Path, iris_model_dir: Path
) -> None:
    rig = Rig(tmp_path / "home", ("workers",))
    with disk(rig.home, 40):
        try:
            rig.live(iris_model_dir)
            before = rig.everything()
            with filled(rig.home):
                kill(rig.platform.pid)
                eventually(lambda: not platform.status(rig.settings).running)
                said("the platform is killed on a full disk", rig.refused("up"))
            eventually(rig.answers, 60)
            assert rig.everything() == before
        finally:
            rig.down()


@contextmanager
def thief(port: int) -> Iterator[None]:
    """Listen on a port as soon as nobody does."""
    found: list[socket.socket] = []

    def taken() -> bool:
        with suppress(OSError):
            found.append(socket.create_server(("127.0.0.1", port)))
        return bool(found)

    eventually(taken)
    with found[0]:
        yield


def test_a_run_outlives_the_console_and_the_platform(rig: Rig) -> None:
    before, url = rig.everything(), rig.console()
    queued = rig.kanarya(*RUN, "--queue", "--set", "name=daisy")
    assert queued.returncode == 0, queued.stderr
    folder = RunFolder(rig.home / "runs" / queued.stdout.strip())
    ended = None
    for event in follow(folder, 0.01):
        if isinstance(event, Step) and (event.name, event.status) == ("train", "running"):
            console = background.status(rig.settings)
            assert console is not None
            kill(console.process.pid)
            kill(rig.platform.pid)
        ended = event
    assert isinstance(ended, Result)
    assert (ended.outcome, ended.version) == ("promoted", "1"), ended.sentence
    said("console and platform during a run", rig.log("workers"))
    eventually(lambda: asked(f"{url}/api/queue")[0] == 200, 60)
    assert rig.up().gateway_url
    eventually(rig.answers, 60)
    assert rig.everything() == before


def test_a_registry_with_damaged_pages_is_told_and_the_model_goes_on(rig: Rig) -> None:
    done = rig.kanarya(*RUN, "--set", "name=daisy")
    assert done.returncode == 0, done.stderr
    database, backups = rig.home / "mlflow.db", rig.home.with_name("backups")
    assert rig.kanarya("backup", str(backups)).returncode == 0
    spoil(database)
    what = "MLflow's database has a damaged page"
    for words in (("models", "list"), RUN):
        said(what, rig.refused(*words))
    assert "is damaged" in rig.refused("backup", str(backups))
    assert "kanarya restore FOLDER --force" in rig.kanarya("doctor").stdout
    assert rig.answers()
    for left in rig.home.glob("mlflow.db*"):
        left.unlink()
    rig.down()
    restored = rig.kanarya("restore", str(backups), "--home", str(rig.home), "--force")
    assert restored.returncode == 0, restored.stderr
    rig.up()
    assert "daisy" in rig.kanarya("models", "list").stdout
    eventually(rig.answers, 60)


def test_a_registry_on_postgresql_is_backed_up_and_restored(rig: Rig, tmp_path: Path) -> None:
    with postgresql() as uri, postgresql() as other:
        rig.environment["MLFLOW_TRACKING_URI"] = uri
        done = rig.kanarya(*RUN, "--set", "name=daisy")
        assert done.returncode == 0, done.stderr
        known = rig.kanarya("models", "list").stdout
        assert "daisy" in known
        backups, home = tmp_path / "backups", tmp_path / "other"
        made = rig.kanarya("backup", str(backups))
        assert made.returncode == 0, made.stderr
        assert rig.kanarya("backup", str(backups), "--verify").returncode == 0
        restored = rig.kanarya("restore", str(backups), "--home", str(home))
        assert restored.returncode == 0, restored.stderr
        said("MLflow's PostgreSQL is lost", restored.stdout)
        assert f"ln -s {home} {rig.home}" in restored.stdout
        assert any((home / "artifacts" / "daisy").rglob("decision.json"))
        command = [postgres_binary("pg_restore"), "--no-owner", "--exit-on-error"]
        place = urlsplit(other)
        command += ["-h", "127.0.0.1", "-p", str(place.port), "-U", str(place.username)]
        command += ["-d", "postgres", str(home / "mlflow.pgdump")]
        subprocess.run(command, check=True, capture_output=True, env={**os.environ})
        assert rig.kanarya("models", "list", MLFLOW_TRACKING_URI=other).stdout == known
        runs = ("runs", "list")
        assert rig.kanarya(*runs, KANARYA_HOME=str(home)).stdout == rig.kanarya(*runs).stdout
    assert workers.status(rig.settings).running
    assert platform.status(rig.settings).healthy
