"""Killed steps, killed runs, a killed platform, Ctrl-C: what was live stays, the next run works."""

import os
import signal
import subprocess
from collections.abc import Callable

import psutil
import pytest

from serving.local.platform import Ports, status, up
from serving.rollout.state import Phase, rollout_of
from tests.e2e.conftest import IRIS, MAY_FAIL, Installation, eventually, outcome, sentence
from tests.e2e.processes import alive, family, kill_midway, newest_run, when_midway, writes

pytestmark = pytest.mark.e2e

LIGHT = ("model={kind: logistic_regression}", "gate.champion.margin=1")
WATCHED = ("rollout.steps=[10, 100]", "rollout.max_seconds=120")
AT_ONCE = (
    "rollout.steps=[50, 100]",
    "rollout.max_seconds=0.5",
    "rollout.on_inconclusive=promote",
)
ARTIFACTS = {"train": "model", "evaluate": "evaluation", "package": "packaged"}


def asked(name: str, *changes: str) -> tuple[str, ...]:
    """The words of a small run."""
    sets = [part for change in (*LIGHT, *changes) for part in ("--set", change)]
    return ("run", str(IRIS), "--set", f"name={name}", *sets, "--json")


def ended(run: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
    out, err = run.communicate(timeout=60)
    return subprocess.CompletedProcess(run.args, run.returncode, out, err)


def observing(here: Installation, name: str) -> Callable[[], bool]:
    """Say whether the next version to be registered is a canary that is being observed."""
    coming = str(int(here.versions(name)[-1]) + 1)

    def found() -> bool:
        state = rollout_of(here.view(name))
        return bool(state and state.phase is Phase.OBSERVING and state.version == coming)

    return found


def begun(here: Installation, name: str, step: str) -> Callable[[], bool]:
    """Say whether the work of the step has left a first trace."""
    if step in ARTIFACTS:
        return writes(here.settings.home, step, ARTIFACTS[step])
    if step == "register":
        store = here.settings.home / "models" / name
        return lambda: any(store.glob(".*.partial"))
    return observing(here, name)


@pytest.fixture(scope="module")
def flower(here: Installation) -> str:
    """A service whose first version is live."""
    done = here.kanarya(*asked("flower"))
    assert (done.returncode, outcome(done)["outcome"]) == (0, "promoted"), done.stderr
    return "flower"


def holder(here: Installation, name: str) -> str:
    state = rollout_of(here.view(name))
    return state.holder if state else ""


COLD, WARM = "0", "1"
OFTEN = pytest.mark.slow  # as from a warm process, but for how it begins
KILLED = [
    *((step, WARM) for step in ("train", "package", "register")),
    pytest.param("evaluate", WARM, marks=OFTEN),
    pytest.param("train", COLD, marks=OFTEN),
]


@pytest.mark.parametrize(("step", "warm"), KILLED)
def test_a_killed_step_fails_the_run_and_changes_nothing(
    here: Installation, flower: str, step: str, warm: str
) -> None:
    before = here.standing(flower)
    trace = begun(here, flower, step)
    run = here.begin(*asked(flower, *AT_ONCE), KANARYA_WARM_STEPS=warm)
    kill_midway(run, step, trace)
    done = ended(run)
    assert done.returncode == 1
    assert sentence(done).startswith(f"kanarya: {step}: its process ended without a word")
    assert here.standing(flower) == before
    assert here.open_runs() == [], "the exit handler closes the MLflow run"


ENDLESS = "model={kind: mlp, hyperparameters: {epochs: 10000, early_stopping: false}}"


def test_a_training_killed_between_epochs_leaves_its_curve_on_a_failed_run_and_no_version(
    here: Installation, flower: str
) -> None:
    def curve() -> dict[str, list[float]]:
        experiment = here.mlflow.get_experiment_by_name("watched")
        found = here.mlflow.search_runs([experiment.experiment_id]) if experiment else []
        return {
            run.info.status: [
                point.step for point in here.mlflow.get_metric_history(run.info.run_id, "val_loss")
            ]
            for run in found
        }

    run = here.begin(*asked("watched", ENDLESS))
    kill_midway(run, "train", lambda: bool(curve().get("RUNNING")))
    assert ended(run).returncode == 1
    ((status, steps),) = curve().items()
    assert (status, steps) == ("FAILED", [*range(1, len(steps) + 1)])
    assert 0 < len(steps) < 10_000
    assert here.versions("watched") == []
    assert not (here.settings.home / "models" / "watched").exists()


@pytest.mark.parametrize("warm", [pytest.param(COLD, marks=OFTEN), WARM])
def test_a_rollout_whose_process_is_killed_leaves_the_live_version_and_can_be_taken_over(
    here: Installation, flower: str, warm: str
) -> None:
    before = here.standing(flower)
    live = here.view(flower).rolled_out
    canary = observing(here, flower)
    run = here.begin(*asked(flower, *WATCHED), KANARYA_WARM_STEPS=warm)
    kill_midway(run, "deploy", canary)
    done = ended(run)
    assert done.returncode == 1
    assert sentence(done).startswith("kanarya: deploy: its process ended without a word")
    assert here.view(flower).rolled_out == live
    assert here.aliases(flower)["champion"] == before["aliases"]["champion"]
    assert here.open_runs() == []
    if warm == COLD:  # the other one is left to the next run
        assert here.kanarya("rollout", "abort", flower).returncode == 4


def test_a_run_whose_rollout_a_person_aborts_ends_rolled_back_and_not_in_conflict(
    here: Installation, flower: str
) -> None:
    canary = observing(here, flower)
    run = here.begin(*asked(flower, *WATCHED))
    when_midway(run, "deploy", canary)
    assert here.kanarya("rollout", "abort", flower).returncode == 4
    done = ended(run)
    assert (done.returncode, outcome(done)["outcome"]) == (4, "rolled_back"), done.stderr
    assert outcome(done)["sentence"] == "aborted by hand"
    assert here.open_runs() == []


def test_the_run_after_all_of_them_is_promoted(here: Installation, flower: str) -> None:
    done = here.kanarya(*asked(flower, *AT_ONCE))
    assert (done.returncode, outcome(done)["outcome"]) == (0, "promoted")
    version = here.versions(flower)[-1]
    assert here.aliases(flower)["champion"] == version
    assert here.view(flower).storage_uri.endswith(f"/{version}")
    assert [t.percent for t in here.view(flower).traffic if t.percent] == [100]
    left = list((here.settings.home / "models").rglob("*.partial"))
    assert left == [], "what a killed publisher left goes with the next one"


def test_a_killed_run_takes_its_steps_with_it_and_the_next_one_works(
    here: Installation, flower: str
) -> None:
    before, live = here.standing(flower), here.view(flower).rolled_out
    for step in ("train", "deploy"):
        trace = begun(here, flower, step)
        run = here.begin(*asked(flower, *WATCHED))
        when_midway(run, step, trace)
        started = family(run)
        run.kill()
        run.communicate()
        eventually(lambda left=started: not alive(left))
        assert here.view(flower).rolled_out == live
        assert here.aliases(flower)["champion"] == before["aliases"]["champion"]
    done = here.kanarya(*asked(flower, *AT_ONCE))
    assert (done.returncode, outcome(done)["outcome"]) == (0, "promoted")
    assert here.open_runs() == [], "the next run closes what the killed ones left open"


@pytest.mark.parametrize(
    ("step", "warm"), [pytest.param("train", COLD, marks=OFTEN), ("train", WARM), ("deploy", WARM)]
)
def test_ctrl_c_ends_a_run_at_once_and_leaves_no_process(
    here: Installation, flower: str, step: str, warm: str
) -> None:
    live = here.view(flower).rolled_out
    trace = begun(here, flower, step)
    run = here.begin(*asked(flower, *WATCHED), KANARYA_WARM_STEPS=warm)
    when_midway(run, step, trace)
    started = family(run)
    os.killpg(run.pid, signal.SIGINT)
    out, err = run.communicate(timeout=10)
    assert (run.returncode, out, err.strip()) == (130, "", "stopped")
    eventually(lambda: not alive(started), 10)
    assert here.view(flower).rolled_out == live
    assert not any(newest_run(here.settings.home).rglob("*.partial"))
    if step == "deploy":
        assert here.kanarya("rollout", "abort", flower).returncode == 4


def test_a_platform_killed_during_a_rollout_comes_back_with_the_same_live_version(
    here: Installation, flower: str
) -> None:
    live = here.view(flower).rolled_out
    canary = observing(here, flower)
    run = here.begin(*asked(flower, *WATCHED))
    when_midway(run, "deploy", canary)
    daemon = psutil.Process(status(here.settings).platform.pid)  # type: ignore[union-attr]
    predictors = daemon.children()
    assert len(predictors) >= 2
    run.kill()
    run.communicate()
    daemon.kill()
    eventually(lambda: not alive(predictors))
    here.platform = up(here.settings, Ports(0, 0), predictor=MAY_FAIL)
    eventually(lambda: here.view(flower).ready is True)
    assert here.view(flower).rolled_out == live
    left = holder(here, flower)
    resumed = here.begin("rollout", "resume", flower)
    eventually(lambda: holder(here, flower) != left)
    promoted = here.kanarya("rollout", "promote", flower)
    assert promoted.returncode == 0, promoted.stderr
    assert ended(resumed).returncode == 0, "it follows what the person decided"
    assert here.aliases(flower)["champion"] == here.versions(flower)[-1]
