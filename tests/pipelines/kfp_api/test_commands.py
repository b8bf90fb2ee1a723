"""The commands against a Kubeflow Pipelines, through the real `kfp.Client`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from tests.pipelines.kfp_api import stories
from tests.pipelines.kfp_api.conftest import IMAGE, ROOT, Said
from tests.pipelines.kfp_api.server import FakeKfp

Kanarya = Callable[..., Said]

ENDINGS = [
    (("register", "deploy"), stories.PROMOTED, 0, "promoted: version 1 is the first"),
    (("register", "deploy"), stories.ROLLED_BACK, 4, "rolled back: error rate 42.9 %"),
    (("reject",), stories.REJECTED, 3, "rejected: accuracy 0.5 is below 0.9."),
]


@pytest.mark.parametrize(("last", "ending", "code", "words"), ENDINGS, ids=lambda v: str(v)[:20])
def test_the_exit_code_says_how_a_watched_run_ended(
    kfp: FakeKfp,
    kanarya: Kanarya,
    started: dict[str, Any],
    last: tuple[str, ...],
    ending: dict[str, Any],
    code: int,
    words: str,
) -> None:
    kfp.story = [lambda: None, *stories.through(kfp, last, ending)]
    said = kanarya("runs", "watch", started["run_id"])
    assert said.code == code, said.err
    assert words in said.out


def test_a_run_is_sent_and_told_step_by_step(kfp: FakeKfp, kanarya: Kanarya, spec: str) -> None:
    def prepare() -> None:
        kfp.story += stories.through(kfp, ("register", "deploy"), stories.ROLLED_BACK)

    kfp.story = [prepare]
    said = kanarya("run", spec, "--on", "cluster")
    assert said.code == 4, said.err
    (run,) = kfp.runs
    assert f"{kfp.host}/#/runs/details/{run}" in said.out
    assert "✓ ingest" in said.out and "✓ gate" in said.out
    assert "150 rows; columns to learn from: 4 number" in said.out
    assert "rolled back: error rate 42.9 %" in said.out
    assert "finish" not in said.out


def test_what_is_sent_is_the_spec_filed_under_the_models_name(
    kfp: FakeKfp, kanarya: Kanarya, spec: str
) -> None:
    kfp.tag = "2.15.0"
    said = kanarya("run", spec, "--on", "cluster", "--detach", "--service-account", "runner")
    assert said.code == 0, said.err
    assert "note: Kubeflow Pipelines is 2.15.0 there" in said.err
    (run,) = kfp.runs.values()
    (experiment,) = kfp.experiments.values()
    assert experiment["display_name"] == "iris"
    assert run["service_account"] == "runner"
    executors = run["pipeline_spec"]["pipeline_spec"]["deploymentSpec"]["executors"].values()
    assert {executor["container"]["image"] for executor in executors} == {IMAGE}
    parameters = run["runtime_config"]["parameters"]
    assert parameters["data_uri"] == "gs://bucket/iris.csv"
    assert parameters["run_key"] == run["display_name"]
    (told,) = kanarya("audit", "iris").out.splitlines()
    assert "run.start" in told
    assert f"data=gs://bucket/iris.csv  on={kfp.host.removeprefix('http://')}" in told
    assert f"kanarya runs watch {run['run_id']}" in said.out


@pytest.mark.parametrize(
    ("image", "told"),
    [
        ("", "is in no registry: push what `make images` builds"),
        ("registry.example.com/kanarya:latest", "may be another one tomorrow"),
    ],
    ids=["none", "moving"],
)
def test_an_image_that_pods_cannot_rely_on_is_not_sent(
    kfp: FakeKfp, kanarya: Kanarya, spec: str, image: str, told: str
) -> None:
    said = kanarya("run", spec, "--on", "cluster", KANARYA_COMPONENTS_IMAGE=image)
    assert said.code == 2
    assert told in said.err and "in KANARYA_COMPONENTS_IMAGE, for pictures" in said.err
    assert not kfp.requests


def test_runs_are_listed_shown_read_and_cancelled(
    kfp: FakeKfp, kanarya: Kanarya, started: dict[str, Any], package: dict[str, Any]
) -> None:
    first = started["run_id"]
    kfp.start({"display_name": "second", "experiment_id": "x", "pipeline_spec": package}, package)
    listed = json.loads(kanarya("runs", "list", "--on", "cluster", "--json").out)
    assert [run["name"] for run in listed] == ["second", "iris-1"]
    one = kanarya("runs", "list", "--on", "cluster", "--experiment", "iris", "--limit", "5")
    assert first in one.out and one.out.count("\n") == 1
    workflow = kfp.workflows[first]
    workflow.run("ingest")
    kfp.logs[workflow.pod("ingest", 0 if workflow.retries("ingest") else None)] = "note: 150 rows"
    shown = kanarya("runs", "show", "iris-1", "--on", "cluster")
    assert "ingest" in shown.out and "data_uri = gs://bucket/iris.csv" in shown.out
    assert json.loads(kanarya("runs", "show", first, "--on", "cluster", "--json").out)["steps"]
    charged = kanarya("runs", "cost", first, "--price-hour", "2", "--on", "cluster")
    assert charged.code == 0 and charged.out.startswith("  ingest ")
    assert "between steps" not in charged.out, "pods are paid alone"
    assert "note: 150 rows" in kanarya("runs", "logs", "iris-1", "ingest", "--on", "cluster").out
    assert kanarya("runs", "logs", "iris-1", "train", "--on", "cluster").code == 2
    assert kanarya("runs", "cancel", "iris-1").code == 0
    assert kfp.runs[first]["state"] == "CANCELING"
    assert f"run.cancel             iris-1  id={first}" in kanarya("audit").out
    kfp.set_state("CANCELED", first)
    assert "has ended already" in kanarya("runs", "cancel", "iris-1", "--on", "cluster").err


MISSING = [
    (["runs", "show", "nothing", "--on", "cluster"], "there is no run 'nothing'"),
    (["runs", "list", "--on", "cluster", "--experiment", "none"], "there is no experiment 'none'"),
    (["schedule", "pause", "nothing"], "there is no schedule 'nothing'"),
]


@pytest.mark.parametrize(("arguments", "words"), MISSING, ids=lambda v: " ".join(v)[:40])
def test_what_is_not_there_is_told_as_that(
    kanarya: Kanarya, arguments: list[str], words: str
) -> None:
    said = kanarya(*arguments)
    assert said.code == 1
    assert words in said.err


@pytest.mark.e2e
def test_ctrl_c_leaves_the_run_alone_and_says_how_to_go_on_or_end_it(
    kfp: FakeKfp, kanarya: Kanarya, started: dict[str, Any]
) -> None:
    run, looked = started["run_id"], threading.Event()
    kfp.story = [*[lambda: None] * 3, looked.set]
    # A process of its own: here the signal would hit whatever pytest is at.
    command = [sys.executable, "-m", "scripts", "runs", "watch", run]
    around = {**os.environ, "KFP_POLL_SECONDS": "0.05"}
    with subprocess.Popen(command, cwd=ROOT, env=around, stderr=subprocess.PIPE, text=True) as on:
        assert looked.wait(60)
        on.send_signal(signal.SIGINT)
        _, said = on.communicate(timeout=60)
    assert on.returncode == 130
    assert f"`kanarya runs watch {run}`" in said and f"`kanarya runs cancel {run}`" in said
    assert kfp.runs[run]["state"] == "PENDING"


def test_a_schedule_is_made_paused_resumed_and_deleted(
    kfp: FakeKfp, kanarya: Kanarya, spec: str
) -> None:
    made = kanarya("schedule", spec, "--cron", "30 2 * * mon-fri", "--max-concurrency", "2")
    assert made.code == 0, made.err
    assert made.out.count(" UTC") == 3
    (schedule,) = kfp.recurring.values()
    assert schedule["trigger"]["cron_schedule"]["cron"] == "0 30 2 * * mon-fri"
    assert schedule["no_catchup"] is True and schedule["max_concurrency"] == 2
    parameters = schedule["runtime_config"]["parameters"]
    assert parameters["run_key"] == ""
    assert parameters["why"] == "its schedule asks for it (0 30 2 * * mon-fri)"
    for command, status in [("pause", "DISABLED"), ("resume", "ENABLED")]:
        assert kanarya("schedule", command, "iris").code == 0
        assert next(iter(kfp.recurring.values()))["status"] == status
    (listed,) = json.loads(kanarya("schedule", "list", "--json").out)
    assert listed["next"] and listed["enabled"]
    assert "next " in kanarya("schedule", "list").out
    assert kanarya("schedule", "delete", listed["schedule_id"]).code == 0
    assert not kfp.recurring
    told = [json.loads(line) for line in kanarya("audit", "--json").out.splitlines()]
    actions = ["create", "pause", "resume", "delete"]
    assert [each["action"] for each in told] == [f"schedule.{action}" for action in actions]
    assert {(each["subject"], each["where"]) for each in told} == {
        ("iris", kfp.host.removeprefix("http://"))
    }


def test_looks_at_the_traffic_are_scheduled(kfp: FakeKfp, kanarya: Kanarya, spec: str) -> None:
    drift = "retrain={when: {drift: {rows: 200}}}"
    options = ("--cron", "*/10 * * * *", "--monitoring", "--set", drift)
    assert kanarya("schedule", spec, *options).code == 0
    (schedule,) = kfp.recurring.values()
    assert schedule["display_name"] == "iris-monitoring"
    assert schedule["runtime_config"]["parameters"] == {"name": "iris", "rows": 200}
    graph = schedule["pipeline_spec"]["pipeline_spec"]
    assert graph["pipelineInfo"]["name"] == "monitoring"


def test_an_uploaded_pipeline_has_the_specs_values_in_its_form(
    kfp: FakeKfp, kanarya: Kanarya, spec: str
) -> None:
    said = kanarya("pipelines", "upload", spec, "--version", "one")
    assert said.code == 0, said.err
    (pipeline,) = kfp.pipelines.values()
    assert pipeline["display_name"] == "kanarya-iris"
    assert f"/#/pipelines/details/{pipeline['pipeline_id']}/version/" in said.out
    package = next(iter(kfp.versions.values()))["pipeline_spec"]
    inputs = package.get("pipeline_spec", package)["root"]["inputDefinitions"]["parameters"]
    assert inputs["data_uri"]["defaultValue"] == "gs://bucket/iris.csv"
    assert inputs["model_kind"]["defaultValue"] == "logistic_regression"
    again = kanarya("pipelines", "upload", spec, "--version", "one")
    assert again.code == 1 and "'one'" in again.err
    assert "kanarya-iris" in kanarya("pipelines", "list").out


REFUSED = [
    (["run", "{spec}", "--detach"], "--detach is for --on cluster"),
    (["run", "{spec}", "--on", "cluster", "--queue"], "add --detach instead"),
    (["runs", "list", "--namespace", "alice"], "--namespace is for --on cluster"),
    (["schedule", "{spec}", "--cron", "* * *"], "has 3 fields"),
    (["schedule", "{spec}", "--cron", "0 0 L * *"], "does not know"),
    (["pipelines", "upload", "--name", "x"], "--name is for one pipeline"),
    (
        ["run", "--data", "here.csv", "--target", "y", "--on", "cluster"],
        "is on this machine, where no pod of a cluster can read it",
    ),
    (
        ["run", "--data", "here.csv", "--target", "y", "--on", "cluster", "--upload-data"],
        "--upload-data needs a bucket",
    ),
    (["run", "{spec}", "--on", "cluster", "--host", "ftp://x"], "is no address"),
]


@pytest.mark.parametrize(("arguments", "words"), REFUSED, ids=lambda v: " ".join(v)[:40])
def test_wrong_usage_is_refused_before_the_cluster_is_asked(
    kfp: FakeKfp, kanarya: Kanarya, spec: str, arguments: list[str], words: str
) -> None:
    said = kanarya(*(each.format(spec=spec) for each in arguments))
    assert said.code == 2
    assert words in said.err
    assert not kfp.requests


EMPTY = {
    "runs": (("runs", "list", "--on", "cluster"), "nothing has run there yet; `kanarya run SPEC"),
    "schedules": (("schedule", "list"), "there is no schedule; `kanarya schedule SPEC --cron`"),
    "pipelines": (("pipelines", "list"), "there is no pipeline; `kanarya pipelines upload`"),
}


@pytest.mark.parametrize(("command", "said"), EMPTY.values(), ids=EMPTY)
def test_a_listing_of_nothing_says_so(
    kanarya: Callable[..., Said], command: tuple[str, ...], said: str
) -> None:
    found = kanarya(*command)
    assert (found.code, found.out.startswith(said)) == (0, True), found.out
    assert kanarya(*command, "--json").out.strip() == "[]"
