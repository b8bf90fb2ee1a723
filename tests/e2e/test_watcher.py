"""The watcher as `kanarya up` starts it: one a home, begun again where it was killed, ended."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.background import WATCHER, Keeper
from serving.errors import UsageError
from serving.settings import Settings
from tests.e2e.conftest import ROOT, eventually

pytestmark = pytest.mark.e2e


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    found = Settings.from_env({"KANARYA_HOME": str(tmp_path)})
    yield found
    WATCHER.down(found)


def test_there_is_one_a_home_and_a_killed_one_is_begun_again(settings: Settings) -> None:
    first, keeper = WATCHER.up(settings), Keeper(WATCHER, settings)
    assert WATCHER.up(settings) == first
    second = subprocess.run(
        WATCHER.program,
        env={**os.environ, **settings.environment(), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert second.returncode == 1
    assert second.stderr.startswith("kanarya: ") and len(second.stderr.splitlines()) == 1
    os.kill(first.process.pid, signal.SIGKILL)
    eventually(lambda: not first.process.lives())
    keeper.look()
    eventually(lambda: WATCHER.status(settings) is not None)
    assert WATCHER.status(settings) != first
    assert WATCHER.down(settings)
    Keeper(WATCHER, settings).look()
    assert WATCHER.status(settings) is None
    assert "Traceback" not in WATCHER.log(settings).read_text()


@pytest.mark.parametrize(("text", "wished"), [("", True), ("1", True), ("0", False)])
def test_it_can_be_switched_off(text: str, wished: bool) -> None:
    assert WATCHER.wanted({WATCHER.switch: text}) is wished


def test_what_is_neither_on_nor_off_is_refused() -> None:
    with pytest.raises(UsageError, match="KANARYA_WATCH is 'no'"):
        WATCHER.wanted({WATCHER.switch: "no"})
