"""Whole runs through the queue, by the command: killed, cancelled, brought back."""

import json
import os
import signal
from collections.abc import Iterator

import psutil
import pytest

from pipelines import attempts, workers
from pipelines.journal import Result, RunFolder, Step
from pipelines.run_events import Event, Measured, follow
from pipelines.run_table import Query, RunTable
from serving.local.platform import status
from tests.e2e.conftest import IRIS, Installation, eventually, sentence

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

LIGHT = ("model={kind: logistic_regression}", "gate.champion.margin=1")
AT_ONCE = (
    "rollout.steps=[50, 100]",
    "rollout.max_seconds=0.5",
    "rollout.on_inconclusive=promote",
)
ENDLESS = "model={kind: mlp, hyperparameters: {epochs: 10000, early_stopping: false}}"


@pytest.fixture(scope="module", autouse=True)
def ended(here: Installation) -> Iterator[None]:
    """Free ports for what comes back, and no worker that outlives the tests."""
    here.environment |= {"KANARYA_API_PORT": "0", "KANARYA_GATEWAY_PORT": "0"}
    yield
    workers.down(here.settings)


def put(here: Installation, name: str, *changes: str) -> str:
    asked = (f"name={name}", *LIGHT, *AT_ONCE, *changes)
    sets = [part for change in asked for part in ("--set", change)]
    done = here.kanarya("run", str(IRIS), *sets, "--queue", KANARYA_WORKERS="2")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def folder(here: Installation, run_id: str) -> RunFolder:
    return RunFolder(here.settings.home / "runs" / run_id)


def happens(here: Installation, run_id: str, step: str) -> Iterator[Event]:
    """Yield what happens until the step has begun."""
    for event in follow(folder(here, run_id), 0.005):
        yield event
        if isinstance(event, Step) and event.name == step:
            return


def ends(here: Installation, run_id: str) -> Result:
    *_, last = follow(folder(here, run_id), 0.05)
    assert isinstance(last, Result)
    return last


def kill_everything(here: Installation) -> None:
    """SIGKILL the supervisor, its workers, and the platform."""
    supervisor = workers.status(here.settings).supervisor
    daemon = status(here.settings).platform
    assert supervisor and daemon
    family = psutil.Process(supervisor.pid).children()
    os.kill(supervisor.pid, signal.SIGKILL)
    for each in family:
        each.kill()
    os.kill(daemon.pid, signal.SIGKILL)
    eventually(lambda: not status(here.settings).running)


def test_everything_killed_while_a_run_registers_loses_none_and_registers_none_twice(
    here: Installation,
) -> None:
    first, second = put(here, "finch"), put(here, "finch")
    list(happens(here, first, "register"))
    kill_everything(here)
    assert here.kanarya("up").returncode == 0
    said = json.loads(here.kanarya("status", "--json").stdout)
    assert said["queue"]["supervisor"] and said["healthy"]
    lost, won = ends(here, first), ends(here, second)
    assert (lost.outcome, won.outcome) == ("failed", "promoted")
    assert "its worker was ended in register" in lost.sentence
    assert here.aliases("finch")["champion"] == won.version == here.versions("finch")[-1]
    assert attempts.number(folder(here, second)) == 2, "it was killed as well, and begun again"
    eventually(lambda: here.open_runs() == [])
    table = RunTable.of(here.settings)
    table.refresh()
    rows = table.page(Query(models=frozenset({"finch"}), sort="accuracy")).rows
    assert {row.run_id for row in rows} == {first, second}
    assert all(0.8 < row.metrics["accuracy"] <= 1 for row in rows)


def test_a_training_is_watched_by_its_files_and_cancelled_with_all_its_processes(
    here: Installation,
) -> None:
    run_id = put(here, "wren", ENDLESS)
    curve: list[int] = []
    for event in follow(folder(here, run_id), 0.02):
        if isinstance(event, Measured):
            curve.append(event.epoch)
            if len(curve) == 1:
                pid = psutil.Process(RunFolder.owner(folder(here, run_id)).pid)  # type: ignore[union-attr]
                family = [pid, *pid.children(recursive=True)]
                assert here.kanarya("queue", "cancel", run_id).stdout.strip() == "cancelling"
    assert curve == [*range(1, len(curve) + 1)]
    assert ends(here, run_id).outcome == "cancelled"
    eventually(lambda: not any(each.is_running() for each in family))
    eventually(lambda: here.open_runs() == [])
    assert here.versions("wren") == []
    listed = json.loads(here.kanarya("queue", "list", "--json").stdout)
    assert listed["entries"] == [] and listed["supervisor"]["pid"]


def test_wrong_words_about_the_queue_are_one_sentence(here: Installation) -> None:
    for words, said in (
        (("cancel", "nothing"), "there is no run 'nothing' in the queue"),
        (("workers", "0"), "NUMBER is '0': give a number of workers from 1 to 64"),
    ):
        done = here.kanarya("queue", *words)
        assert done.returncode == 2
        assert said in sentence(done)
