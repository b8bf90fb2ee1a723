"""What the console tells of a run as JSON, asked by real requests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from console.access.guard import Guard
from console.access.logins import with_token
from console.access.roles import Role
from console.api.answers import translate_errors
from console.api.run import router
from console.settings import ConsoleSettings
from console.world import World
from pipelines.journal import SUCCEEDED, Result, RunFolder, Step
from serving.rollout.ledger import StoredLedger
from serving.rollout.record import Entry, Model

RUN = "iris-20261121-120000-abcd"
VIEWER, VIEWERS_TOKEN = with_token("ayse", Role.VIEWER)
OPERATOR, OPERATORS_TOKEN = with_token("can", Role.OPERATOR)


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    logins = f"{VIEWER.line()}\n{OPERATOR.line()}"
    env = {"KANARYA_HOME": str(tmp_path), "KANARYA_CONSOLE_LOGINS": logins}
    world = World.of(ConsoleSettings.from_env(env=env))
    folder = RunFolder(tmp_path / "runs" / RUN)
    folder.create({"name": "iris", "model_kind": "mlp", "data_uri": "iris.csv", "target": "y"})
    folder.append(Step("ingest", SUCCEEDED, 100.0, 101.0))
    folder.log("ingest").write_text("note: <b>150 rows</b>\n", encoding="utf-8")
    (folder.path / "logs" / "engine.log").write_text("secret\n", encoding="utf-8")
    folder.close(Result(RUN, "failed", "it broke"))
    ledger = StoredLedger(world.settings.base.ledger, sha256_of=lambda uri: None)
    ledger.append(Entry("iris", "begun", "r1", Model("1", "file:///m/1"), run=RUN))
    app = FastAPI()
    translate_errors(app)
    app.include_router(router(world))
    headers = {"Authorization": f"Bearer {VIEWERS_TOKEN}"}
    with TestClient(Guard(app, world.door), "http://127.0.0.1", headers=headers) as client:
        yield client


def test_a_run_is_told_whole(client: TestClient) -> None:
    found = client.get(f"/api/runs/{RUN}/progress").json()
    assert found["row"]["status"] == "failed"
    assert found["over"]
    ingest = next(step for step in found["steps"] if step["name"] == "ingest")
    assert (ingest["note"], ingest["said"]) == ("<b>150 rows</b>", 1)


def test_a_log_is_text_and_nothing_else(client: TestClient) -> None:
    answer = client.get(f"/api/runs/{RUN}/log/ingest")
    assert answer.text == "note: <b>150 rows</b>\n"
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "/api/runs/nope/progress",
        f"/api/runs/{RUN}/log/nope",
        f"/api/runs/{RUN}/log/engine",
        f"/api/runs/{RUN}/log/..%2Fresult",
        "/api/runs/..%2Fruns/progress",
        "/api/runs/%2E%2E/progress",
        "/api/rollouts/nobody",
    ],
)
def test_what_is_not_there_is_not_found(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_a_rollout_is_told_by_its_ledger_where_no_platform_is_up(client: TestClient) -> None:
    found = client.get(f"/api/runs/{RUN}/rollout").json()
    assert (found["id"], found["outcome"], found["decisions"]) == ("r1", "under_way", [])
    assert "kanarya up" in found["trouble"]


def test_a_viewer_decides_nothing(client: TestClient, tmp_path: Path) -> None:
    answer = client.post("/api/rollouts/iris/abort")
    assert answer.status_code == 403
    assert not (tmp_path / "audit").exists()


@pytest.mark.e2e
def test_a_decision_is_written_down_before_it_is_made(client: TestClient, tmp_path: Path) -> None:
    operator = {"Authorization": f"Bearer {OPERATORS_TOKEN}"}
    answer = client.post("/api/rollouts/iris/abort", headers=operator)
    assert answer.status_code == 500
    assert "kanarya up" in answer.json()["error"]  # the child says what it met
    record = json.loads((tmp_path / "audit" / "actions.jsonl").read_text(encoding="utf-8"))
    assert (record["who"], record["action"], record["subject"]) == ("can", "rollout abort", "iris")


def test_an_unknown_decision_is_refused(client: TestClient, tmp_path: Path) -> None:
    operator = {"Authorization": f"Bearer {OPERATORS_TOKEN}"}
    answer = client.post("/api/rollouts/iris/explode", headers=operator)
    assert answer.status_code == 422
    assert "choose approve, promote" in answer.json()["error"]
    assert not (tmp_path / "audit").exists()
