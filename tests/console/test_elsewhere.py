"""Runs of a cluster and of other machines in the console: Kubeflow Pipelines is the fake's API
behind the real SDK, MLflow a real store."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from components import recorded, tracked_run, tracking, tracking_store
from components.models.epochs import Epoch
from components.tracked_run import Kept
from components.usage import Sample
from console.data import cluster_seen
from console.data.elsewhere import Elsewhere
from console.data.run import Monitored
from console.data.run_elsewhere import FarWatch
from console.data.runs import Runs
from console.settings import ConsoleSettings
from pipelines.run_row import Row
from pipelines.run_table import Query
from pipelines.run_usage import Look
from scripts.bench import synthetic_runs
from serving.errors import NotFound
from tests.pipelines.kfp_api import stories
from tests.pipelines.kfp_api.conftest import kfp, package, started
from tests.pipelines.kfp_api.server import FakeKfp

__all__ = ["kfp", "package", "started"]
T = TypeVar("T")
KEY = "iris-20261121-120000-abcd"
GATE = {"promote": True, "policy": {"champion": {}}, "checks": []}
USED = {"cpu_cores": 1.5, "memory_megabytes": 512.0}
LONG = 120.0  # importing kfp takes half a minute on a machine that is busy enough


class Here:
    """Asked in this process: a child takes seconds, and has a test of its own."""

    def ask(self, ask: Callable[..., T], *arguments: object) -> T:
        return ask(*arguments)


def world_of(home: Path, **env: str) -> ConsoleSettings:
    return ConsoleSettings.from_env(env={"KANARYA_HOME": str(home), **env})


@pytest.fixture
def places(kfp: FakeKfp, tmp_path: Path) -> Elsewhere:
    settings = world_of(tmp_path, KFP_HOST=kfp.host, KFP_POLL_SECONDS="0.001")
    return Elsewhere(settings, Here(), Here())


@pytest.fixture
def runs(places: Elsewhere) -> Runs:
    return Runs.of(places.settings.base, places)


def told(runs: Runs, query: Query | None = None) -> tuple[Row, ...]:
    """The rows once every place has answered."""
    assert runs.elsewhere
    runs.elsewhere.soon()
    runs.look_again()
    runs.pulse()
    runs.elsewhere.wait(LONG)
    runs.look_again()
    return runs.page(query or Query()).rows


def test_the_table_has_the_runs_of_the_cluster_beside_those_of_here(
    kfp: FakeKfp, started: dict[str, Any], package: dict[str, Any], runs: Runs, tmp_path: Path
) -> None:
    here = synthetic_runs.ended(tmp_path / "runs", 1).run_id
    foreign = {"display_name": "another pipeline", "experiment_id": "e", "pipeline_spec": {}}
    kfp.start(foreign, package)
    rows = {row.run_id: row for row in told(runs)}
    assert set(rows) == {here, started["run_id"]}, "a run of other pipelines is nobody's business"
    found = rows[started["run_id"]]
    known = (found.title, found.kind, found.data, found.target, found.status, found.where)
    assert known == ("iris-1", "svm", "iris.csv", "species", "pending", "cluster")
    assert runs.choices()["wheres"] == {"cluster": 1, "here": 1}
    assert [row.run_id for row in told(runs, Query(wheres=frozenset({"here"})))] == [here]
    assert [row.title for row in told(runs, Query(text="iris-1"))] == ["iris-1"]


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("RUNNING", "running"),
        ("SUCCEEDED", "finished"),
        ("FAILED", "failed"),
        ("CANCELED", "cancelled"),
        ("CANCELING", "cancelling"),
        ("SOMETHING_NEW", "pending"),
    ],
)
def test_a_state_of_the_cluster_is_a_status_of_ours(
    kfp: FakeKfp, started: dict[str, Any], runs: Runs, state: str, status: str
) -> None:
    kfp.set_state(state)
    (row,) = told(runs)
    assert (row.status, row.ended) == (status, status in ("finished", "failed", "cancelled"))
    assert (row.seconds is not None) == row.ended


def test_what_goes_on_is_followed_and_what_was_deleted_goes(
    kfp: FakeKfp, started: dict[str, Any], package: dict[str, Any], runs: Runs
) -> None:
    told(runs)
    for number in range(cluster_seen.AT_A_TIME):  # so the first is on no first page any more
        kfp.start({**started, "display_name": f"later-{number}"}, package)
    kfp.set_state("RUNNING", started["run_id"])
    pulse = runs.pulse()
    found = {row.run_id: row.status for row in told(runs)}
    assert found[started["run_id"]] == "running"
    assert runs.pulse() != pulse
    del kfp.runs[started["run_id"]]
    assert started["run_id"] not in {row.run_id for row in told(runs)}


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (503, "answers 503"),
        ("drop", "cannot be reached"),
        (401, "wants to know who asks"),
    ],
)
def test_a_cluster_that_does_not_answer_is_one_line_and_its_runs_stay(
    kfp: FakeKfp, started: dict[str, Any], runs: Runs, fault: object, said: str
) -> None:
    assert len(told(runs)) == 1
    kfp.faults = [fault] * 9
    assert len(told(runs)) == 1
    assert runs.elsewhere
    (place,) = runs.elsewhere.places()
    assert said in place.trouble and "\n" not in place.trouble
    kfp.faults = []
    told(runs)
    assert runs.elsewhere.places()[0].trouble == ""


class Silent(Here):
    """Answers when it may."""

    def __init__(self) -> None:
        self.may_answer = threading.Event()

    def ask(self, ask: Callable[..., T], *arguments: object) -> T:
        self.may_answer.wait(LONG)
        return super().ask(ask, *arguments)


def test_nobody_waits_for_a_cluster_that_is_silent(
    kfp: FakeKfp, started: dict[str, Any], tmp_path: Path
) -> None:
    silent = Silent()
    places = Elsewhere(world_of(tmp_path, KFP_HOST=kfp.host), silent, Here())
    runs = Runs.of(places.settings.base, places)
    assert runs.page(Query()).total == 0
    assert not places.places()[0].asked
    watch = FarWatch(places, runs, started["run_id"])
    run = watch.read()
    assert (run.row.status, run.row.where, run.over) == ("unknown", "cluster", False)
    silent.may_answer.set()
    assert watch.first(LONG).row.status == "pending"
    assert len(told(runs)) == 1


@pytest.mark.parametrize(
    ("env", "fault"),
    [
        ({}, ""),
        ({"KFP_HOST": "http://127.0.0.1:1", "KFP_CA_FILE": "/no"}, "KFP_CA_FILE: there is no file"),
        ({"KFP_HOST": "ftp://x"}, "is no address of Kubeflow Pipelines"),
    ],
)
def test_a_cluster_that_is_named_badly_is_a_line_too(
    tmp_path: Path, env: dict[str, str], fault: str
) -> None:
    found = Elsewhere(world_of(tmp_path, **env), Here(), Here()).places()
    assert [fault in place.trouble for place in found] == [True] * bool(fault)


def seen(places: Elsewhere, runs: Runs, run_id: str) -> Monitored:
    return FarWatch(places, runs, run_id).first(LONG)


def test_a_run_of_the_cluster_shows_steps_logs_and_its_end(
    kfp: FakeKfp, started: dict[str, Any], places: Elsewhere, runs: Runs
) -> None:
    story = stories.through(kfp, ("register", "deploy"), stories.PROMOTED)
    to_the_gate, behind_it, end = story[1:]
    watch = FarWatch(places, runs, started["run_id"])
    assert {step.status for step in watch.first(LONG).steps} == {"pending"}
    to_the_gate()
    ingest = _of(watch, "ingest")
    assert (ingest.status, ingest.note) == (
        "succeeded",
        "150 rows; columns to learn from: 4 number",
    )
    assert ingest.said == 2
    behind_it()
    assert _of(watch, "deploy").status == "running"
    assert _of(watch, "reject").status == "skipped"
    end()
    _of(watch, "deploy")
    run = watch.read()
    assert (run.row.status, run.row.version) == ("promoted", "1")
    assert run.row.sentence == "version 1 is the first"
    assert run.over
    assert run.row.page == f"{kfp.host}/#/runs/details/{started['run_id']}"


def _of(watch: FarWatch, name: str) -> Any:
    """A step as the cluster tells it now: the look that is under way may be of before."""
    for _ in range(3):
        time.sleep(0.002)
        run = watch.first(LONG)
    return run.step(name)


def test_a_step_that_failed_says_why(
    kfp: FakeKfp, started: dict[str, Any], places: Elsewhere, runs: Runs
) -> None:
    kfp.only().run("ingest", "validate", "split")
    kfp.only().begin("train")
    stories.writes(kfp, "train", "note: <b>\nerror: 'species' has one class only\n")
    kfp.only().end("train", "FAILED")
    kfp.only().finish("FAILED")
    kfp.set_state("FAILED")
    run = seen(places, runs, started["run_id"])
    train = run.step("train")
    assert train and (train.status, train.error) == ("failed", "'species' has one class only")
    assert run.row.status == "failed" and "'species' has one class only" in run.row.sentence
    assert run.over and run.newest == "train"


def test_a_run_that_waits_says_for_what(
    kfp: FakeKfp, started: dict[str, Any], places: Elsewhere, runs: Runs
) -> None:
    run_id = started["run_id"]
    kfp.runs[run_id]["created_at"] = "2026-01-01T00:00:00Z"
    workflow = kfp.workflows.pop(run_id)
    assert "workflow controller" in seen(places, runs, run_id).troubles[0]
    kfp.workflows[run_id] = workflow
    workflow.clock = lambda: 1_790_000_000.0
    workflow.begin("ingest", "PENDING")
    run = seen(places, runs, run_id)
    ingest = run.step("ingest")
    assert ingest and "kubectl -n kubeflow describe pod" in ingest.note
    assert run.troubles == ()


def test_a_run_that_there_is_not_is_not_found(places: Elsewhere, runs: Runs) -> None:
    nobody = "00000000-0000-4000-8000-000000000000"
    assert places.may_have(nobody, None)
    assert not places.may_have("iris-1", None)
    with pytest.raises(NotFound, match=nobody):
        seen(places, runs, nobody)
    watch = FarWatch(places, runs, nobody)
    watch.read()
    with pytest.raises(NotFound):
        watch.first(LONG)
    assert (watch.read().row.status, watch.read().over) == ("gone", True)


def test_a_run_out_of_reach_is_shown_as_it_was_last_with_the_reason(
    kfp: FakeKfp, started: dict[str, Any], places: Elsewhere, runs: Runs
) -> None:
    kfp.only().run("ingest")
    watch = FarWatch(places, runs, started["run_id"])
    assert watch.first(LONG).troubles == ()
    kfp.faults = [503] * 90
    time.sleep(0.002)
    run = watch.first(LONG)
    assert "answers 503" in run.troubles[0]
    assert run.step("ingest") and not run.over


@pytest.fixture
def shared(kfp: FakeKfp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Elsewhere]:
    """A home whose MLflow is a store that others write to as well."""
    uri = f"sqlite:///{tmp_path / 'shared.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("KANARYA_HOME", str(tmp_path / "home"))
    env = {"KFP_HOST": kfp.host, "KFP_POLL_SECONDS": "0.001", "MLFLOW_TRACKING_URI": uri}
    yield Elsewhere(world_of(tmp_path / "home", **env), Here(), Here())
    tracking_store.client.cache_clear()


@pytest.mark.e2e
def test_curve_metrics_and_gate_come_from_mlflow_whether_a_cluster_ran_it_or_another_machine(
    kfp: FakeKfp, started: dict[str, Any], shared: Elsewhere
) -> None:
    started["runtime_config"]["parameters"]["run_key"] = KEY
    for key in (KEY, "far-1"):
        run = tracking.open_run("iris", key)
        tracking.log_epochs(run, [Epoch(n, {"train_loss": 1 / n}) for n in (1, 2)])
        tracking.log_epochs(run, [Epoch(0, {"accuracy": 0.5})])
        tracking.log_usage(run, "train", [Sample(n, 1e9 + n, USED) for n in (0, 1)])
        tracking_store.connect().log_dict(run, GATE, recorded.GATE)
    tracking.tag_run(run, {tracking.GATE: "rejected"})
    tracking.end_run(run)
    runs = Runs.of(shared.settings.base, shared)
    rows = {row.title: row for row in told(runs)}
    assert {title: row.where for title, row in rows.items()} == {
        "iris-1": "cluster",
        "far-1": "elsewhere",
    }, "the run that both know is one row"
    assert rows["iris-1"].metrics == {"accuracy": 0.5}
    assert runs.row(KEY) == rows["iris-1"]
    for run_id in (started["run_id"], "far-1"):
        found = seen(shared, runs, run_id)
        assert found.usage.looks == tuple(Look("train", 1e9 + n, USED) for n in (0, 1))
        assert [(each.epoch, dict(each.values)) for each in found.curve] == [
            (1, {"train_loss": 1.0}),
            (2, {"train_loss": 0.5}),
        ]
        assert found.gate and found.gate.passed
    assert (found.row.status, found.row.ended, found.steps) == ("rejected", True, ())
    assert tracked_run.kept(shared.settings.base, "it's nobody's") is None
    assert isinstance(tracked_run.kept(shared.settings.base, KEY), Kept)
