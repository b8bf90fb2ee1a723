"""The console in the background: begun, killed and begun again, ended; with its real process."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from console import background
from pipelines.background import WATCHER, Standing
from serving.errors import PlatformError, UsageError
from serving.settings import Settings
from tests.e2e.conftest import ROOT, eventually

pytestmark = pytest.mark.e2e
LISTS = {"/runs": "/", "/runs/": "/", "/runs?status=failed&page=2": "/?status=failed&page=2"}


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    monkeypatch.setenv("KANARYA_CONSOLE_PORT", "0")
    found = Settings.from_env({"KANARYA_HOME": str(tmp_path)})
    yield found
    background.down(found)


def answers(console: Standing) -> bool:
    with urllib.request.urlopen(f"{console.url}/api/queue", timeout=20) as answer:
        return json.load(answer)["workers"] == 1


def test_there_is_one_console_a_home_until_it_is_ended(settings: Settings) -> None:
    assert background.status(settings) is None
    first = background.up(settings)
    assert answers(first)
    assert background.up(settings) == first == background.status(settings)
    assert background.down(settings)
    assert not first.process.lives()
    assert background.status(settings) is None
    assert not background.down(settings)


def test_a_runs_address_without_its_id_leads_to_the_list(settings: Settings) -> None:
    console = background.up(settings)
    for asked, led in LISTS.items():
        with urllib.request.urlopen(f"{console.url}{asked}", timeout=20) as answer:
            assert answer.url == f"{console.url}{led}"


def test_a_killed_console_is_begun_again_where_it_was(settings: Settings) -> None:
    first, keeper = background.up(settings), background.keeper(settings)
    keeper.look()
    os.kill(first.process.pid, signal.SIGKILL)
    eventually(lambda: not first.process.lives())
    keeper._not_before = 0.0
    keeper.look()
    eventually(lambda: background.status(settings) is not None)
    again = background.status(settings)
    assert again is not None
    assert again.process != first.process
    assert again.url == first.url
    assert answers(again)


def test_a_console_that_ended_in_order_stays_ended(settings: Settings) -> None:
    first = background.up(settings)
    os.kill(first.process.pid, signal.SIGTERM)
    eventually(lambda: not first.process.lives())
    assert not background.note(settings.home).exists()
    background.keeper(settings).look()
    assert background.status(settings) is None


def test_a_port_that_is_taken_is_a_sentence(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("KANARYA_CONSOLE_PORT", str(taken.getsockname()[1]))
        with pytest.raises(PlatformError, match=r"^the console cannot listen on .*another port"):
            background.up(settings)


@pytest.mark.parametrize(("text", "wished"), [("", True), ("1", True), ("0", False)])
def test_the_console_can_be_switched_off(text: str, wished: bool) -> None:
    assert background.wanted({background.SWITCH: text}) is wished


def test_what_is_neither_on_nor_off_is_refused() -> None:
    with pytest.raises(UsageError, match="'no'"):
        background.wanted({background.SWITCH: "no"})


def test_the_command_starts_shows_and_ends_it_with_the_platform(settings: Settings) -> None:
    def kanarya(*arguments: str) -> str:
        command = [sys.executable, "-m", "scripts", *arguments]
        ports = {"KANARYA_API_PORT": "0", "KANARYA_GATEWAY_PORT": "0", "KANARYA_CONSOLE": "1"}
        ports["KANARYA_WATCH"] = "1"
        known = {**os.environ, **settings.environment(), **ports, "PYTHONPATH": str(ROOT)}
        return subprocess.run(command, env=known, capture_output=True, text=True).stdout

    try:
        said = kanarya("up")
        console = background.status(settings)
        assert console is not None
        assert f"Console         {console.url}\n" in said
        watcher = WATCHER.status(settings)
        assert watcher is not None
        assert f"watcher: pid {watcher.process.pid}\n" in kanarya("status")
        os.kill(console.process.pid, signal.SIGKILL)
        eventually(lambda: f"{console.url}\n" in kanarya("status"))
    finally:
        kanarya("down")
    assert background.status(settings) is WATCHER.status(settings) is None
