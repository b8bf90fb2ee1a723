"""A run of a cluster or of another machine, as its page shows it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components import recorded, tracked_run, tracking, tracking_store
from components.models.epochs import Epoch
from components.tracked_run import Kept
from components.usage import Sample
from console.data.elsewhere import Elsewhere
from console.data.run import Monitored
from console.data.run_elsewhere import FarWatch
from console.data.runs import Runs
from pipelines.run_usage import Look
from serving.errors import NotFound
from tests.console.elsewhere.far import LONG, Here, told, world_of
from tests.pipelines.kfp_api import stories
from tests.pipelines.kfp_api.server import FakeKfp

KEY = "iris-20261121-120000-abcd"
GATE = {"promote": True, "policy": {"champion": {}}, "checks": []}
USED = {"cpu_cores": 1.5, "memory_megabytes": 512.0}


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
