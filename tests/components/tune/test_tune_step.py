"""Trials with files: measured by processes, failed ones recorded, nothing left by a kill."""

import json
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from components.tune import measuring, step
from components.tune.rules import Search
from serving.errors import UsageError
from tests.components import tables

ROOT = Path(__file__).resolve().parents[3]


class Recorder:
    """A tracker that keeps what it is told."""

    def __init__(self) -> None:
        self.searches: list[Search] = []

    def log_trials(self, name: str, run_key: str, search: Search, directory: Path) -> None:
        assert (directory / step.TRIALS).is_file()
        self.searches.append(search)


@pytest.fixture(scope="module")
def iris(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tables.write(tmp_path_factory.mktemp("iris") / "train", tables.iris())


def tuned(table: Path, out: Path, kind: str, fixed: dict, **wanted: object) -> tuple[dict, Search]:
    recorder = Recorder()
    shards = step.plan({"cv": 2, "pods": 2, **wanted}, "tabular", kind, fixed, 42)
    found = [step.measure(table, shard) for shard in shards]
    try:
        chosen = json.loads(step.choose(found, "iris", "key", out, recorder))
    except UsageError as error:
        chosen = {"error": str(error)}
    return chosen, recorder.searches[0]


@pytest.mark.e2e
def test_a_combination_that_cannot_be_trained_is_recorded_and_the_others_are_tried(
    iris: Path, tmp_path: Path
) -> None:
    space = {"solver": ["lbfgs"], "C": [0.01, 1], "tol": [0.001]}
    fixed = {"max_iter": 50}
    chosen, search = tuned(iris, tmp_path / "a", "logistic_regression", fixed, space=space)
    assert chosen["hyperparameters"] == {"max_iter": 50, "solver": "lbfgs", "C": 1.0, "tol": 0.001}
    assert "Tuned by random over 2 trials, 2-fold" in chosen["notes"][0]
    assert len(search.usage) == 2, "what each pod used"
    assert all(pod["memory_megabytes"][-1] > 0 for pod in search.usage)
    space = {"solver": ["lbfgs", "sgd"], "C": [1]}
    chosen, search = tuned(iris, tmp_path / "b", "logistic_regression", {}, space=space)
    assert [bool(trial.error) for trial in search.trials] == [False, True]
    assert "C is of the solver lbfgs" in search.trials[1].error
    assert chosen["hyperparameters"]["solver"] == "lbfgs"
    assert {p.name for p in (tmp_path / "b").iterdir()} == {
        *(step.TABLE, step.TRIALS, step.DRAWING, step.PAGE)
    }


@pytest.mark.thorough
def test_where_nothing_can_be_trained_the_trials_are_recorded_all_the_same(
    iris: Path, tmp_path: Path
) -> None:
    space = {"solver": ["sgd"], "C": [1, 2]}
    chosen, search = tuned(iris, tmp_path / "a", "logistic_regression", {}, space=space)
    assert "None of the 2 trials could be trained" in chosen["error"]
    assert all(trial.error for trial in search.trials)


def test_after_a_rung_in_which_every_trial_failed_none_goes_on(iris: Path) -> None:
    wanted = {"method": "halving", "space": {"solver": ["sgd"], "C": [1, 2, 3]}, "cv": 2}
    failed = [step.Trial(number, {"C": 1.0}, error="odd") for number in (1, 2, 3)]
    (shard,) = step.plan(wanted, "tabular", "logistic_regression", {}, 42)
    search = step.rules.from_json(shard).with_trials(failed)
    found = step.rules.from_json(step.measure(iris, search.to_json()))
    assert [trial.error for trial in found.trials] == ["odd"] * 3


@pytest.mark.thorough
def test_a_process_that_is_killed_fails_its_trial_alone(iris: Path, monkeypatch) -> None:
    job = measuring.Job(iris, "tabular", "svm", "accuracy", 2, 1)
    units = [measuring.Unit(number, {"C": 1.0}, 0, 1.0) for number in (1, 2, 3)]
    # A forked process takes this along; it dies as the kernel's out-of-memory killer has it.
    whole = measuring.measure

    def deadly(given: measuring.Given, unit: measuring.Unit) -> measuring.Measured:
        if unit.trial == 2:
            psutil.Process().kill()
        return whole(given, unit)

    monkeypatch.setattr(measuring, "measure", deadly)
    found = {u.trial: m for u, m in measuring.measured(measuring.given(job), units, 2)}
    assert found[2].error == measuring.KILLED
    assert [found[n].error for n in (1, 3)] == ["", ""]


@pytest.mark.e2e
def test_a_kill_leaves_no_process_behind(iris: Path) -> None:
    words = ["--task", "tabular", "--kind", "mlp", "--metric", "accuracy", "--cv", "2"]
    slow = ["epochs=10000", "early_stopping=false", "hidden_layer_sizes=[512,512]"]
    command = [sys.executable, "-m", "components.tune", "--train", str(iris), *words]
    run = subprocess.Popen([*command, "--random-state", "1", *slow], cwd=ROOT)
    mine = psutil.Process(run.pid)
    end = time.monotonic() + 60
    while not (children := mine.children(recursive=True)) and time.monotonic() < end:
        time.sleep(0.05)
    run.kill()
    run.wait()
    assert children
    _, alive = psutil.wait_procs(children, timeout=20)
    assert not alive
