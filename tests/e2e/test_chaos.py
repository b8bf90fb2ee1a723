"""What breaks under a live model, by the table of `chaos_table`: served, lost, told, cured."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from pipelines.doctor import machine
from scripts.demo.traffic import Traffic
from serving.isvc.client import connect
from tests.e2e.chaos_rig import (
    BODIES,
    Rig,
    asked,
    disk,
    filled,
    kill,
    read_only,
    spoil,
)
from tests.e2e.chaos_table import said
from tests.e2e.conftest import IRIS, eventually
from tests.e2e.processes import alive

pytestmark = pytest.mark.e2e
PATH = "/serving/default/iris/v1/models/iris:predict"


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory, iris_model_dir: Path) -> Iterator[Rig]:
    """A live model with the queue's supervisor beside it."""
    made = Rig(tmp_path_factory.mktemp("chaos") / "home", ("workers",))
    try:
        made.live(iris_model_dir)
        yield made
    finally:
        made.down()


def test_a_killed_predictor_comes_back_with_the_same_answers(rig: Rig) -> None:
    before = rig.everything()
    kill(rig.predictor())
    eventually(lambda: not rig.answers())
    status, answer = rig.ask()
    while status != 200:
        assert status in (502, 503)
        said("a predictor is killed", answer["error"])
        status, answer = rig.ask()
    assert rig.everything() == before


def test_a_killed_platform_comes_back_by_itself_at_the_same_address(rig: Rig) -> None:
    before, live = rig.everything(), rig.platform
    predictor = psutil.Process(rig.predictor())
    kill(live.pid)
    said("the platform is killed", rig.kanarya("status").stdout)
    eventually(lambda: rig.answers(), 40)
    assert rig.everything() == before
    now = rig.up()
    assert (now.api_url, now.gateway_url) == (live.api_url, live.gateway_url)
    assert now.pid != live.pid
    eventually(lambda: not alive([predictor]))  # none outlives its platform
    assert "was killed; it is begun again" in rig.log("workers")


def test_a_second_platform_on_the_same_home_is_refused(rig: Rig) -> None:
    command = [sys.executable, "-m", "serving.local"]
    done = subprocess.run(command, env=rig.environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    said("a second platform on one home", done.stderr)
    assert rig.answers()


def test_a_half_written_version_is_not_served_and_the_live_one_goes_on(rig: Rig) -> None:
    models = rig.home / "models" / "iris"
    shutil.copytree(models / "1", models / "2")
    with (models / "2" / "model.onnx").open("r+b") as file:
        file.truncate(100)
    client = connect(rig.settings.kubeconfig, "default")
    predictor = {"canaryTrafficPercent": 50, "model": {"storageUri": rig.uri("2")}}
    client.patch("iris", {"spec": {"predictor": predictor}})

    def complaint() -> str:
        view = client.get("iris")
        return (view.complaint or "") if view else ""

    eventually(lambda: "model.onnx" in complaint(), 40)
    said("an artifact is half-written", complaint())
    assert {answer["model_name"] for _, answer in rig.everything()} == {"iris"}
    back = {"canaryTrafficPercent": None, "model": {"storageUri": rig.uri("1")}}
    client.patch("iris", {"spec": {"predictor": back}})
    eventually(lambda: not complaint())
    shutil.rmtree(models / "2")


def test_on_a_read_only_home_the_model_is_served_and_every_change_is_refused(rig: Rig) -> None:
    before = rig.everything()
    with read_only(rig.home):
        assert rig.everything() == before
        assert rig.kanarya("status").returncode == 0
        said("the home is read-only", rig.refused("run", str(IRIS), "--queue"))
        assert machine.home(rig.home).cure == f"mount -o remount,rw {rig.home}"
    assert rig.everything() == before


@pytest.mark.slow
def test_a_platform_with_damaged_pages_is_refused_and_restored_from_a_backup(rig: Rig) -> None:
    before, backups = rig.everything(), Path(f"{rig.home}-backups")
    assert rig.kanarya("backup", str(backups)).returncode == 0
    rig.down()
    spoil(rig.home / "services" / "platform.db")
    said("the platform's database has a damaged page", rig.refused("up"))
    done = rig.kanarya("restore", str(backups), "--home", str(rig.home), "--force")
    assert done.returncode == 0, done.stderr
    rig.up()
    eventually(rig.answers, 40)
    assert rig.everything() == before


def test_on_a_full_disk_the_model_is_served_and_nothing_is_half_done(
    tmp_path: Path, iris_model_dir: Path
) -> None:
    rig = Rig(tmp_path / "home", ("workers", "console"))
    with disk(rig.home, 40):
        try:
            rig.live(iris_model_dir)
            eventually(lambda: asked(f"{rig.console()}/api/queue")[0] == 200)
            full_disk(rig)
        finally:
            rig.down()


def full_disk(rig: Rig) -> None:
    before, url = rig.everything(), f"{rig.console()}/api/uploads?name=rows.csv"
    with filled(rig.home):
        live = Traffic(f"{rig.platform.gateway_url}{PATH}", BODIES, 100)
        live.start()
        said("the disk is full", rig.refused("run", str(IRIS), "--queue"))
        assert list((rig.home / "runs").glob("*")) == []
        status, answer = asked(url, b"a,b\n" + b"1,2\n" * 100_000)
        assert status == 500
        said("the disk is full while a file is uploaded", answer["error"])
        assert not list((rig.home / "uploads").glob("*"))
        assert asked(f"{rig.console()}/api/queue")[0] == 200
        live.stop()
        assert live.tally().failed() == 0
        kill(rig.predictor())
        eventually(lambda: not rig.answers())
        eventually(rig.answers, 40)
    assert asked(url, b"a,b\n" + b"1,2\n" * 100_000)[0] == 201
    assert rig.everything() == before
    assert rig.kanarya("queue", "pause").returncode == 0
    queued = rig.kanarya("run", str(IRIS), "--queue")
    assert queued.returncode == 0, queued.stderr
