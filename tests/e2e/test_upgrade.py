"""A home that release 0.1 has left opens in this one: it is listed, served, rolled out, restored.

`tests/fixtures/home-0.1.tar.zst` (docs/upgrading.md says how it was made) was at
/tmp/kanarya-home-0.1: two versions of iris with their rollouts, a run that waits in the queue, an
upload, a window of monitoring.
"""

import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyarrow import CompressedInputStream, OSFile

from pipelines.backup.rebase import rebase
from serving.local.platform import Ports, down, up
from serving.moved import Moves
from serving.rollout.state import live_version
from serving.settings import Settings
from tests.e2e.conftest import ROOT, Installation, eventually

pytestmark = pytest.mark.e2e
FIXTURE = ROOT / "tests" / "fixtures" / "home-0.1.tar.zst"
MADE_AT = "/tmp/kanarya-home-0.1"
CSV = ROOT / "pipelines" / "specs" / "iris.csv"


def unpacked(home: Path) -> Path:
    with (
        OSFile(str(FIXTURE)) as packed,
        CompressedInputStream(packed, "zstd") as stream,
        tarfile.open(fileobj=stream, mode="r|") as archive,
    ):
        archive.extractall(home, filter="data")
    rebase(home, Moves({MADE_AT: str(home)}))
    return home


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    home = unpacked(tmp_path_factory.mktemp("old") / "home")
    settings = Settings.from_env({"KANARYA_HOME": str(home)})
    platform = up(settings, Ports(0, 0))
    environment = {**os.environ, **settings.environment(), "PYTHONPATH": str(ROOT)}
    try:
        yield Installation(settings, platform, environment)
    finally:
        down(settings)


def told(old: Installation, *words: str) -> str:
    done = old.kanarya(*words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_is_in_it_is_listed(old: Installation) -> None:
    assert not (old.settings.home / "audit").exists(), "release 0.1 kept none"
    runs = json.loads(told(old, "runs", "list", "--json"))
    outcomes = sorted(each.get("outcome") or each["state"] for each in runs)
    assert outcomes == ["promoted", "promoted", "queued"]
    assert "1 waiting; paused" in told(old, "queue", "list")
    assert "version 2" in told(old, "rollout", "history", "iris")


def test_its_models_are_served_undone_and_backed_up(old: Installation, tmp_path: Path) -> None:
    eventually(lambda: bool(old.view("iris").ready), 60)
    answer = told(old, "predict", "iris", "--data", str(CSV), "--limit", "1")
    assert json.loads(answer)["version"] == "2"
    assert old.kanarya("rollout", "rollback", "iris").returncode == 4
    assert live_version(old.view("iris")) == "1"
    assert old.aliases("iris")["champion"] == "1"
    actions = [each.split()[2] for each in told(old, "audit", "iris").splitlines()]
    assert actions[:1] == ["rollout.begun"]
    assert "registry.champion" in actions
    told(old, "backup", str(tmp_path / "backups"))
    told(old, "restore", str(tmp_path / "backups"), "--home", str(tmp_path / "restored"))
    assert (tmp_path / "restored" / "format.json").read_text() == '{"format": 1}\n'


def test_a_newer_home_is_refused_in_one_sentence(tmp_path: Path) -> None:
    home = tmp_path / "newer"
    home.mkdir()
    (home / "format.json").write_text('{"format": 2}')
    settings = Settings.from_env({"KANARYA_HOME": str(tmp_path)})
    environment = {**os.environ, "KANARYA_HOME": str(home), "PYTHONPATH": str(ROOT)}
    nobody = Installation(settings, None, environment)  # type: ignore[arg-type]
    for words in (["up"], ["runs", "list"], ["predict", "iris", "--data", str(CSV)]):
        done = nobody.kanarya(*words)
        assert done.returncode == 2
        assert done.stderr.startswith(f"kanarya: {home} was written by a newer Kanarya (format 2")
        assert len(done.stderr.splitlines()) == 1
    assert [each.name for each in home.iterdir()] == ["format.json"]
