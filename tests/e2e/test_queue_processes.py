"""Supervisor and workers as real processes, whose runs do nothing but be written down."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from pipelines import workers
from pipelines.asked import Asked
from pipelines.journal import Step
from pipelines.processes import Process
from pipelines.queue import Queue
from pipelines.run_events import result
from pipelines.spec import parse
from serving.settings import Settings
from tests.e2e.conftest import eventually

pytestmark = pytest.mark.e2e
QUICK = Path(__file__).resolve().parents[1] / "pipelines" / "quick_worker.py"
SUPERVISE = (sys.executable, str(QUICK), "supervise")


class Here:
    """A home with a queue, and what a person can do with it."""

    def __init__(self, home: Path) -> None:
        self.settings = Settings.from_env({"KANARYA_HOME": str(home)})
        self.home = home
        self.queue = Queue(self.settings)

    def put(self, name: str, priority: int = 0) -> str:
        document = {"name": name, "data": {"uri": "/data/iris.csv", "target": "species"}}
        return self.queue.put(Asked(parse(document, "test"), git_commit=""), priority=priority)

    def up(self) -> Process:
        return workers.up(self.settings, SUPERVISE)

    def hold(self, name: str, step: str) -> Path:
        path = self.home / f"hold-{name}-{step}"
        path.touch()
        return path

    def did(self) -> list[list[str]]:
        """What was done in which order: model, step, run."""
        path = self.home / "did.txt"
        return [line.split() for line in path.read_text().splitlines()] if path.exists() else []

    def times(self, run_id: str, step: str) -> int:
        return sum(done[1:] == [step, run_id] for done in self.did())

    def wait_for(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + 40
        while not condition():
            assert time.monotonic() < end, (self.queue.view(), self.did(), self.log())
            time.sleep(0.02)

    def ended(self, *run_ids: str) -> list[str]:
        self.wait_for(lambda: all(self.queue.folder(run_id).ended for run_id in run_ids))
        self.wait_for(lambda: not {*run_ids} & {c.run_id for c in self.queue.store.claims()})
        return [result(self.queue.folder(run_id)).outcome for run_id in run_ids]

    def worker_of(self, run_id: str) -> Process:
        (claim,) = [each for each in self.queue.store.claims() if each.run_id == run_id]
        assert claim.worker is not None
        return claim.worker

    def log(self) -> str:
        path = self.home / "logs" / "workers.log"
        return path.read_text() if path.exists() else ""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Here]:
    monkeypatch.setenv("KANARYA_WARM_STEPS", "0")
    found = Here(tmp_path / "home")
    yield found
    for hold in found.home.glob("hold-*"):
        hold.unlink()
    workers.down(found.settings)
    found.queue.close()
    eventually(lambda: not ours(found.home))


def ours(home: Path) -> list[psutil.Process]:
    """The processes of this home."""
    found = []
    for each in psutil.process_iter(["cmdline", "environ"]):
        if str(QUICK) in (each.info["cmdline"] or []):
            found += [each] * ((each.info["environ"] or {}).get("KANARYA_HOME") == str(home))
    return found


def test_two_workers_finish_runs_of_two_models_in_order_per_model(here: Here) -> None:
    here.queue.set_workers(2)
    hold = here.hold("a", "train")
    runs = [here.put(name) for name in ("a", "a", "b", "b", "a")]
    here.up()
    # Two runs of a model train side by side.
    here.wait_for(lambda: [here.times(run, "train") for run in runs[:2]] == [1, 1])
    hold.unlink()
    assert here.ended(*runs) == ["promoted"] * 5
    for name in ("a", "b"):
        tail = [(step, run) for model, step, run in here.did() if model == name and step != "train"]
        mine = [run for run in runs if run.startswith(f"{name}-")]
        assert tail == [(s, run) for run in mine for s in ("evaluate", "register", "deploy")]
    assert here.queue.view().entries == ()


@pytest.mark.parametrize("step", ["train", "evaluate", "register", "deploy"])
def test_a_worker_that_is_killed_in_a_step_loses_no_run_and_registers_none_twice(
    here: Here, step: str
) -> None:
    here.queue.set_workers(2)
    hold = here.hold("a", step)
    first, second = here.put("a"), here.put("a")
    here.up()
    here.wait_for(lambda: here.times(first, step) == 1)
    os.kill(here.worker_of(first).pid, signal.SIGKILL)
    if step in ("train", "evaluate"):
        here.wait_for(lambda: here.times(first, step) == 2)
        assert here.times(second, "evaluate") == 0, "it waits for the one that is begun again"
    hold.unlink()
    outcome = "promoted" if step in ("train", "evaluate") else "failed"
    assert here.ended(first, second) == [outcome, "promoted"]
    assert here.times(first, "register") == here.times(second, "register") == 1
    registered = [run for _, done, run in here.did() if done == "register"]
    assert registered == [first, second]


def test_everything_killed_at_once_comes_back_with_nothing_lost(here: Here) -> None:
    here.queue.set_workers(2)
    held = [here.hold("a", "train"), here.hold("b", "deploy")]
    runs = [here.put(name) for name in ("a", "b", "c", "a")]
    supervisor = here.up()
    here.wait_for(lambda: here.times(runs[0], "train") == 1 and here.times(runs[1], "deploy") == 1)
    for pid in (supervisor.pid, here.worker_of(runs[0]).pid, here.worker_of(runs[1]).pid):
        os.kill(pid, signal.SIGKILL)
    here.wait_for(lambda: not workers.status(here.settings).running)
    for hold in held:
        hold.unlink()
    here.up()
    assert here.ended(*runs) == ["promoted", "failed", "promoted", "promoted"]
    assert "kanarya rollout resume" in result(here.queue.folder(runs[1])).sentence
    assert all(here.times(run, "register") == 1 for run in runs)


def test_a_worker_outlives_its_supervisor_and_the_next_one_finds_it(here: Here) -> None:
    hold = here.hold("a", "train")
    first, second = here.put("a"), here.put("a")
    supervisor = here.up()
    here.wait_for(lambda: here.times(first, "train") == 1)
    os.kill(supervisor.pid, signal.SIGKILL)
    here.wait_for(lambda: not workers.status(here.settings).running)
    here.up()
    time.sleep(0.7)
    assert here.times(second, "train") == 0, "one at a time"
    hold.unlink()
    assert here.ended(first, second) == ["promoted", "promoted"]
    assert here.times(first, "train") == 1


def test_a_run_is_cancelled_while_it_trains_and_the_next_one_begins(here: Here) -> None:
    here.hold("a", "train")
    first, second = here.put("a"), here.put("b")
    here.up()
    here.wait_for(lambda: here.times(first, "train") == 1)
    assert here.queue.cancel(first, by="ada") == "cancelling"
    assert here.ended(first, second) == ["cancelled", "promoted"]
    assert result(here.queue.folder(first)).sentence == "cancelled by ada"
    assert [s.status for s in result(here.queue.folder(first)).steps] == ["cancelled"]


def test_a_database_that_has_forgotten_that_a_run_was_begun_begins_it_once_more(
    here: Here,
) -> None:
    trained, registered = here.put("a"), here.put("b")
    for run_id, step in ((trained, "train"), (registered, "register")):
        folder = here.queue.folder(run_id)
        folder.create({"name": "a"})
        folder.append(Step(step, "running", time.time()))
    here.up()
    assert here.ended(trained, registered) == ["promoted", "failed"]
    assert here.times(registered, "train") == 0


def test_down_interrupts_what_runs_and_up_begins_it_again(here: Here) -> None:
    hold = here.hold("a", "train")
    first, second = here.put("a"), here.put("a")
    here.up()
    here.wait_for(lambda: here.times(first, "train") == 1)
    worker = here.worker_of(first)
    assert workers.down(here.settings)
    assert not worker.lives()
    assert not workers.down(here.settings)
    here.queue.pause()
    hold.unlink()
    here.up()
    assert here.ended(first) == ["promoted"]
    assert here.times(second, "train") == 0, "the queue is paused"
    here.queue.resume()
    assert here.ended(second) == ["promoted"]


def test_down_also_ends_a_worker_whose_supervisor_was_killed(here: Here) -> None:
    here.hold("a", "train")
    run_id = here.put("a")
    supervisor = here.up()
    here.wait_for(lambda: here.times(run_id, "train") == 1)
    worker = here.worker_of(run_id)
    os.kill(supervisor.pid, signal.SIGKILL)
    here.wait_for(lambda: not workers.status(here.settings).running)
    assert worker.lives()
    assert workers.down(here.settings)
    assert not worker.lives()
    assert [each.state for each in here.queue.view().entries] == ["to be begun again"]


def test_a_damaged_database_stops_the_workers_with_a_sentence_until_it_is_repaired(
    here: Here,
) -> None:
    from pipelines.queue import path, repair

    run_id = here.put("a")
    here.queue.close()
    path(here.settings).write_bytes(b"nothing of the kind" * 1000)
    with pytest.raises(Exception, match="kanarya queue repair"):
        here.up()
    repair(here.settings)
    here.up()
    assert here.ended(run_id) == ["promoted"]


def test_runs_that_go_on_while_the_database_is_made_anew_keep_their_order(here: Here) -> None:
    from pipelines.queue import path, repair

    here.queue.set_workers(2)
    hold = here.hold("a", "evaluate")
    first, second = here.put("a"), here.put("a")
    here.up()
    here.wait_for(lambda: here.times(first, "evaluate") == 1)
    third = here.put("a")
    path(here.settings).write_bytes(b"nothing of the kind" * 3000)
    time.sleep(0.6)
    _, waiting = repair(here.settings)
    here.queue.set_workers(2)
    assert waiting == 1
    hold.unlink()
    assert here.ended(first, second, third) == ["promoted"] * 3
    assert [run for _, step, run in here.did() if step == "register"] == [first, second, third]


def test_a_supervisor_that_cannot_start_says_why(here: Here) -> None:
    command = [sys.executable, "-c", "raise SystemExit('there is no such thing')"]
    with pytest.raises(Exception, match=r"did not start: there is no such thing \(see .*\.log\)"):
        workers.up(here.settings, command)
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1
