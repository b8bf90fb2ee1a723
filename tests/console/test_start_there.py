"""A run that the console sends to a cluster: by its button's function, and by program."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from console.access.guard import Guard
from console.api import new as new_api
from console.api import run as run_api
from console.api import runs as runs_api
from console.api.answers import translate_errors
from console.data.elsewhere import Elsewhere
from console.data.run_actions import RunActions
from console.data.runs import Runs
from console.settings import ConsoleSettings
from console.world import World
from pipelines import cluster_start
from pipelines.asked import Asked
from pipelines.cluster_place import Place
from pipelines.cluster_start import Filed
from pipelines.errors import Unreachable
from pipelines.spec import parse
from serving.errors import UsageError
from tests.pipelines.kfp_api import stories
from tests.pipelines.kfp_api.conftest import IMAGE, kfp
from tests.pipelines.kfp_api.server import FakeKfp

__all__ = ["kfp"]
SPEC = {"name": "iris", "data": {"uri": "gs://bucket/iris.csv", "target": "species"}}


def settings_of(home: Path, **env: str) -> ConsoleSettings:
    return ConsoleSettings.from_env(env={"KANARYA_HOME": str(home), **env})


@pytest.fixture
def asked(kfp: FakeKfp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """The API of a whole console, whose questions to the cluster go to a process of its own."""
    monkeypatch.setenv("KANARYA_COMPONENTS_IMAGE", IMAGE)
    world = World.of(settings_of(tmp_path, KFP_HOST=kfp.host))
    app = FastAPI()
    translate_errors(app)
    for api in (runs_api, run_api, new_api):
        app.include_router(api.router(world))
    with TestClient(Guard(app, world.door), base_url="http://localhost") as client:
        yield client


@pytest.mark.e2e
def test_a_run_is_sent_to_the_cluster_watched_and_cancelled_by_program(
    kfp: FakeKfp, asked: TestClient, tmp_path: Path
) -> None:
    said = asked.post("/api/runs", json={"spec": SPEC, "on": "cluster"})
    assert said.status_code == 201, said.text
    run_id = said.json()["run_id"]
    (sent,) = kfp.runs.values()
    assert (sent["run_id"], sent["runtime_config"]["parameters"]["name"]) == (run_id, "iris")
    kfp.only().run("ingest")
    stories.writes(kfp, "ingest", "note: <b>150 rows</b>\n")
    found = asked.get(f"/api/runs/{run_id}/progress").json()
    assert (found["row"]["where"], found["row"]["model"]) == ("cluster", "iris")
    assert found["steps"][0]["note"] == "<b>150 rows</b>"
    log = asked.get(f"/api/runs/{run_id}/log/ingest")
    assert (log.text, log.headers["content-type"]) == (
        "note: <b>150 rows</b>\n",
        "text/plain; charset=utf-8",
    )
    assert asked.get(f"/api/runs/{run_id}/log/deploy").status_code == 404
    assert asked.post(f"/api/runs/{run_id}/cancel").json()["state"] == "cancelling"
    assert kfp.runs[run_id]["state"] == "CANCELING"
    assert asked.delete(f"/api/runs/{run_id}").status_code in (404, 422)
    kfp.set_state("FAILED")
    again = asked.post(f"/api/runs/{run_id}/restart", json={})
    assert again.status_code == 200, again.text
    second = kfp.runs[again.json()["run_id"]]
    assert second["pipeline_spec"] == sent["pipeline_spec"]
    changed = _parameters(sent).items() ^ _parameters(second).items()
    assert {name for name, _ in changed} == {"run_key"}
    audit = (tmp_path / "audit" / "actions.jsonl").read_text(encoding="utf-8")
    assert [json.loads(line)["action"] for line in audit.splitlines()][:2] == [
        "run.start",
        "run.cancel",
    ]


def _parameters(run: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in run["runtime_config"]["parameters"].items()}


REFUSED = [
    ({"data": {"uri": "/here.csv", "target": "y"}}, {}, "is on this machine, where no pod"),
    ({"data": {"uri": "/here.csv", "target": "y"}}, {"upload_data": True}, "needs a bucket"),
]


@pytest.mark.parametrize(("changed", "how", "said"), REFUSED)
def test_data_that_no_pod_can_read_is_refused_before_a_run_begins(
    kfp: FakeKfp, monkeypatch: pytest.MonkeyPatch, changed: Any, how: Any, said: str
) -> None:
    monkeypatch.setenv("KANARYA_COMPONENTS_IMAGE", IMAGE)
    wanted = Asked(parse({**SPEC, **changed}, "test"))
    with pytest.raises(UsageError, match=said):
        cluster_start.begin(Place(kfp.host, kfp.host), wanted, Filed(**how))
    assert not kfp.runs


def test_a_cluster_that_is_not_there_is_told_before_data_is_copied(tmp_path: Path) -> None:
    table = tmp_path / "a.csv"
    table.write_text("a,b\n1,2\n")
    wanted = Asked(parse({**SPEC, "data": {"uri": str(table), "target": "b"}}, "test"))
    with pytest.raises(Unreachable, match="cannot be reached"):
        cluster_start.begin(Place("http://127.0.0.1:1", ""), wanted, Filed(upload_data=True))


def test_a_run_that_is_to_have_the_same_data_says_so_on_the_cluster(
    kfp: FakeKfp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KANARYA_COMPONENTS_IMAGE", IMAGE)
    wanted = Asked(parse(dict(SPEC), "test"), data_sha256="a" * 64)
    begun = cluster_start.begin(Place(kfp.host, kfp.host), wanted, Filed())
    sent = kfp.runs[begun.run_id]["runtime_config"]["parameters"]
    assert (sent["data_sha256"], sent["run_key"]) == ("a" * 64, begun.name)
    assert begun.page == f"{kfp.host}/#/runs/details/{begun.run_id}"


def test_without_a_cluster_nothing_is_sent(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    actions = RunActions(settings.base, Runs.of(settings.base), elsewhere=Elsewhere(settings))
    with pytest.raises(UsageError, match="KFP_HOST"):
        actions.start_there(Asked(parse(dict(SPEC), "test")), upload_data=False)
