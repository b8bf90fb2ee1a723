"""A full disk, a registry that is away, ports that are taken: one sentence, and nothing changes."""

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from serving.settings import Settings
from tests.e2e.conftest import IRIS, ROOT, Installation, outcome, sentence

pytestmark = pytest.mark.e2e

SMALL = (
    "name=flower",
    "model={kind: logistic_regression}",
    "gate.champion.margin=1",
    "rollout.steps=[50, 100]",
    "rollout.max_seconds=0.5",
    "rollout.on_inconclusive=promote",
)
ASKED = ("run", str(IRIS), *(part for change in SMALL for part in ("--set", change)), "--json")
Mount = Callable[[Path, int], None]


@pytest.fixture(scope="module")
def flower(here: Installation) -> str:
    """A service whose first version is live."""
    done = here.kanarya(*ASKED)
    assert (done.returncode, outcome(done)["outcome"]) == (0, "promoted"), done.stderr
    return "flower"


@pytest.fixture
def small_disk() -> Iterator[Mount]:
    """Mount a disk of so many kilobytes at a folder; a second time changes its size."""
    mounted: list[Path] = []

    def mount(folder: Path, kilobytes: int) -> None:
        folder.mkdir(exist_ok=True)
        options = f"size={kilobytes}k" + (",remount" if folder in mounted else "")
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(
                f"a small disk cannot be mounted here ({done.stderr.strip()}): run "
                "`sudo .venv/bin/pytest -m e2e tests/e2e/test_surroundings.py`"
            )
        mounted.append(folder)

    yield mount
    for folder in set(mounted):
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.slow
def test_a_full_disk_under_the_model_store_changes_nothing(
    here: Installation, flower: str, small_disk: Mount, tmp_path: Path
) -> None:
    before, store = here.standing(flower), tmp_path / "store"
    small_disk(store, 16)
    done = here.kanarya(*ASKED, KANARYA_MODEL_STORE=str(store))
    assert done.returncode == 1
    for words in ("register: ", str(store), "No space left on device", "make room"):
        assert words in sentence(done)
    assert here.standing(flower) == before
    assert here.open_runs() == []
    assert [path.name for path in store.rglob("*") if path.is_file()] == [".lock"]
    small_disk(store, 65536)
    # Under another name: the disk goes with this test, and the others' service must not miss it.
    done = here.kanarya(*ASKED, "--set", "name=daisy", KANARYA_MODEL_STORE=str(store))
    assert (done.returncode, outcome(done)["outcome"]) == (0, "promoted")
    assert str(store) in here.view("daisy").storage_uri


@pytest.mark.parametrize(
    "kilobytes", [48, *(pytest.param(n, marks=pytest.mark.slow) for n in (8, 96, 192))]
)
def test_a_full_disk_under_the_runs_changes_nothing(
    here: Installation, flower: str, small_disk: Mount, kilobytes: int
) -> None:
    before, runs = here.standing(flower), here.settings.home / "runs"
    small_disk(runs, kilobytes)
    done = here.kanarya(*ASKED)
    assert done.returncode == 1
    for words in (str(runs), "No space left on device", "make room"):
        assert words in sentence(done)
    assert here.standing(flower) == before
    assert here.open_runs() == []


@pytest.mark.slow
def test_after_making_room_the_next_run_works(here: Installation, flower: str) -> None:
    done = here.kanarya(*ASKED)
    assert (done.returncode, outcome(done)["outcome"]) == (0, "promoted")


def test_a_registry_that_is_away_is_told_soon_and_changes_nothing(
    here: Installation, flower: str
) -> None:
    before = here.standing(flower)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        away = f"http://127.0.0.1:{taken.getsockname()[1]}"
        for words in (ASKED, ("models", "list")):
            began = time.monotonic()
            done = here.kanarya(*words, MLFLOW_TRACKING_URI=away)
            assert done.returncode == 1
            assert f"the MLflow store {away} does not answer" in sentence(done)
            assert "MLFLOW_TRACKING_URI" in sentence(done)
            assert time.monotonic() - began < 45, "a person does not wait for minutes"
    assert here.standing(flower) == before


@pytest.fixture
def elsewhere(here: Installation, tmp_path: Path) -> Iterator[Installation]:
    """A home in which nothing runs yet."""
    settings = Settings.from_env({"KANARYA_HOME": str(tmp_path / "home")})
    environment = {**os.environ, **settings.environment(), "PYTHONPATH": str(ROOT)}
    place = Installation(settings, here.platform, environment)
    yield place
    place.kanarya("down")


def test_two_ups_at_once_start_one_platform(elsewhere: Installation) -> None:
    pair = [elsewhere.begin("up", "--api-port", "0", "--gateway-port", "0") for _ in range(2)]
    said = [process.communicate(timeout=60) for process in pair]
    assert [process.returncode for process in pair] == [0, 0], said
    up = json.loads((elsewhere.settings.home / "services" / "platform.json").read_text())
    for out, err in said:
        assert str(up["api_port"]) in out, (out, err)


@pytest.mark.parametrize("words", [("up",), ("run", str(IRIS))])
def test_a_port_that_is_taken_is_told_with_its_holder(
    elsewhere: Installation, words: tuple[str, ...]
) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = str(holder.getsockname()[1])
        done = elsewhere.kanarya(*words, KANARYA_API_PORT=port, KANARYA_GATEWAY_PORT="0")
    assert done.returncode == 1
    for says in (f"port {port} is taken", f"(pid {os.getpid()})", "KANARYA_API_PORT"):
        assert says in sentence(done)
    assert not (elsewhere.settings.home / "services" / "platform.json").exists()
