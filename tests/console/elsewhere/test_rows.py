"""Runs of a cluster and of other machines in the console: Kubeflow Pipelines is the fake's API
behind the real SDK, MLflow a real store."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from console.data import cluster_seen
from console.data.elsewhere import Elsewhere
from console.data.run_elsewhere import FarWatch
from console.data.runs import Runs
from pipelines.run_table import Query
from scripts.bench import synthetic_runs
from tests.console.elsewhere.far import LONG, Here, T, told, world_of
from tests.pipelines.kfp_api.server import FakeKfp


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
