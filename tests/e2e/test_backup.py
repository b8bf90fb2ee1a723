"""A backup under traffic while a pipeline runs, restored elsewhere: the same answers, and undo."""

import json
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts.demo.traffic import Traffic, rows
from serving.local.platform import Ports, down, up
from serving.settings import Settings
from tests.e2e.conftest import IRIS, Installation, eventually, outcome

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
Begin = Callable[[Installation, str], Traffic]
ONCE = ("rollout.steps=[100]", "rollout.shadow.requests=0", "gate.champion.margin=1")


def answers(here: Installation) -> list[Any]:
    url = f"{here.platform.gateway_url}/serving/default/flower/v1/models/flower:predict"
    found = []
    for body in rows(IRIS.with_suffix(".csv"), "species", 30):
        with urllib.request.urlopen(url, body, timeout=30) as answer:
            found.append(json.load(answer))
    return found


def restored(here: Installation, folder: Path, home: Path) -> Installation:
    done = here.kanarya("restore", str(folder), "--home", str(home))
    assert done.returncode == 0, done.stderr
    settings = Settings.from_env({"KANARYA_HOME": str(home)})
    environment = {**here.environment, **settings.environment()}
    return Installation(settings, up(settings, Ports(0, 0)), environment)


def test_a_home_is_backed_up_under_load_and_serves_the_same_elsewhere(
    here: Installation, traffic: Begin, tmp_path: Path
) -> None:
    assert outcome(here.run("flower", *ONCE))["version"] == "1"
    live = traffic(here, "flower")
    changed = "model={kind: logistic_regression, hyperparameters: {epochs: 5}}"
    sets = [part for change in (*ONCE, changed) for part in ("--set", change)]
    running = here.begin("run", str(IRIS), "--set", "name=flower", *sets, "--json")
    folder, made = tmp_path / "backups", 0
    while running.poll() is None or made < 2:
        done = here.kanarya("backup", str(folder), "--keep", "3")
        assert done.returncode == 0, done.stderr
        made += 1
    said, _ = running.communicate()
    assert json.loads(said)["outcome"] == "promoted", said
    assert here.kanarya("backup", str(folder), "--keep", "3").returncode == 0
    live.stop()
    assert live.tally().failed() == 0
    assert here.kanarya("backup", str(folder), "--verify").returncode == 0

    there = restored(here, folder, tmp_path / "else where" / "home")
    try:
        eventually(lambda: bool(there.view("flower").ready), 60)
        assert answers(there) == answers(here)
        verified = there.kanarya("rollout", "history", "flower", "--verify")
        assert verified.returncode == 0, verified.stderr
        assert "with the bytes they had: 2 of " in verified.stdout
        undone = there.kanarya("rollout", "rollback", "flower")
        assert undone.returncode in (0, 4), undone.stdout + undone.stderr
        assert {answer["model_version"] for answer in answers(there)} == {"1"}
        assert there.aliases("flower")["champion"] == "1"
        assert here.aliases("flower")["champion"] == "2"
    finally:
        down(there.settings)
