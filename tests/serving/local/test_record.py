"""Locks of a home: who holds one is told to whoever comes second."""

from pathlib import Path

import pytest

from pipelines import queue_supervisor
from serving.errors import PlatformError
from serving.local import keeper as platform_keeper
from serving.local import record
from serving.settings import Settings


@pytest.mark.parametrize("whose", ["a platform", "the queue's supervisor"])
def test_the_second_is_told_what_runs_already(tmp_path: Path, whose: str) -> None:
    lock = tmp_path / "services" / "its.lock"
    lock.parent.mkdir()
    said = f"{whose} already runs in {tmp_path}: ask `kanarya status`"
    held = record.locked(lock, wait=False, whose=whose)
    again = record.locked(lock, wait=False, whose=whose)
    with held, pytest.raises(PlatformError, match=said), again:
        pass
    with record.locked(lock, wait=False):
        pass


def test_a_second_supervisor_is_not_taken_for_a_platform(tmp_path: Path) -> None:
    settings = Settings.from_env({"KANARYA_HOME": str(tmp_path)})
    held = record.locked(record.services(settings) / "workers.lock", wait=False)
    with held, pytest.raises(PlatformError, match="^the queue's supervisor already runs in "):
        queue_supervisor.supervise(settings, ["never", "started"])


@pytest.mark.parametrize("what", ["nothing", "a list", "a folder", "another record"])
def test_what_is_no_record_says_nothing_and_stops_nobody(tmp_path: Path, what: str) -> None:
    settings = Settings.from_env({"KANARYA_HOME": str(tmp_path)})
    path = record.services(settings) / "platform.json"
    if what == "a folder":
        path.mkdir()
    elif what != "nothing":
        path.write_text({"a list": "[1]", "another record": '{"url": "http://x"}'}[what])
    assert record.read(settings) is None
    platform_keeper.Keeper(settings).look()
