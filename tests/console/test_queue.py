"""The queue's page: its values from real folders and a real queue, and its routes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from console.access import logins
from console.access.audit import Audit
from console.access.guard import Door, Guard
from console.access.roles import Role
from console.access.sessions import Sessions
from console.api import queue as queue_api
from console.api.answers import translate_errors
from console.data.queue import QueueSeen
from console.data.runs import Runs
from pipelines.asked import Asked
from pipelines.queue import Queue
from pipelines.run_times import StepTime
from pipelines.spec import load
from scripts.bench import synthetic_runs
from serving.audit import FileLog
from serving.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
OPERATOR, OPERATORS_TOKEN = logins.with_token("ayse", Role.OPERATOR)
VIEWER, VIEWERS_TOKEN = logins.with_token("build", Role.VIEWER)


@pytest.fixture
def seen(tmp_path: Path) -> QueueSeen:
    settings = Settings.from_env({"KANARYA_HOME": str(tmp_path)})
    return QueueSeen(settings, Runs.of(settings))


@pytest.fixture
def client(seen: QueueSeen) -> TestClient:
    class World:
        queue = seen
        audit = Audit(FileLog(seen.settings.home / "audit.jsonl"))

    app = FastAPI()
    translate_errors(app)
    app.include_router(queue_api.router(World()))  # type: ignore[arg-type]
    known = logins.Logins({each.name: each for each in (OPERATOR, VIEWER)})
    guard = Guard(app, Door(("localhost",), known, Sessions(b"s" * 32)))
    return TestClient(guard, base_url="http://localhost", headers=bearer(OPERATORS_TOKEN))


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def put(seen: QueueSeen, priority: int = 0) -> str:
    spec = load(ROOT / "pipelines" / "specs" / "iris.yaml")
    queue = Queue(seen.settings)
    run_id = queue.put(Asked(spec, data_sha256="0" * 64), priority=priority)
    queue.close()
    return run_id


def test_a_home_without_a_queue_shows_one_worker_and_nothing_else(seen: QueueSeen) -> None:
    found = seen.standing()
    assert (found.up, found.paused, found.at_once) == (False, False, 1)
    assert found.entries == found.recent == found.steps == ()
    assert not (seen.settings.home / "queue.db").exists()  # looking makes nothing


def test_what_waits_is_shown_in_the_order_in_which_it_will_begin(seen: QueueSeen) -> None:
    later, first = put(seen), put(seen, priority=5)
    found = seen.standing()
    assert [each.entry.run_id for each in found.entries] == [first, later]
    assert (found.running, found.ready, found.held_back) == (0, 2, 0)


def test_the_runs_that_ended_last_come_first_with_the_times_of_their_steps(
    seen: QueueSeen,
) -> None:
    folders = [synthetic_runs.ended(seen.settings.home / "runs", number) for number in range(20)]
    found = seen.standing()
    assert [row.run_id for row in found.recent] == [f.run_id for f in reversed(folders[10:])]
    assert found.steps[0] == StepTime("ingest", 20, 1.0, 1.0)
    assert found.per_hour == 0


def test_times_of_steps_are_read_again_when_another_run_has_ended(seen: QueueSeen) -> None:
    root = seen.settings.home / "runs"
    synthetic_runs.ended(root, 1)
    assert seen.standing().steps[0].runs == 1
    seen.runs._read_at = float("-inf")
    synthetic_runs.ended(root, 2)
    assert seen.standing().steps[0].runs == 2


def test_a_program_pauses_resumes_sets_and_cancels(client: TestClient, seen: QueueSeen) -> None:
    run_id = put(seen)
    assert client.post("/api/queue/pause").json() == {"paused": True}
    assert client.post("/api/queue/workers", json={"number": 3}).json() == {"workers": 3}
    found = client.get("/api/queue").json()
    assert (found["paused"], found["workers"], found["ready"]) == (True, 3, 1)
    assert found["entries"][0]["run_id"] == run_id
    cancelled = client.delete(f"/api/queue/{run_id}").json()
    assert cancelled == {"run_id": run_id, "state": "cancelled"}
    assert client.post("/api/queue/resume").json() == {"paused": False}
    assert client.get("/api/queue").json()["entries"] == []
    text = (seen.settings.home / "audit.jsonl").read_text(encoding="utf-8")
    said = [json.loads(line) for line in text.splitlines()]
    assert [each["action"] for each in said] == ["pause", "workers", "cancel", "resume"]
    assert {each["who"] for each in said} == {"ayse"}


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "sentence"),
    [
        ("DELETE", "/api/queue/nobody-20260101-000000-0000", None, 422, "there is no run"),
        ("POST", "/api/queue/workers", {"number": 0}, 422, "from 1 to 64"),
        ("POST", "/api/queue/workers", {"number": 65}, 422, "from 1 to 64"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(
    client: TestClient, method: str, path: str, body: object, status: int, sentence: str
) -> None:
    answer = client.request(method, path, json=body)
    assert answer.status_code == status
    assert sentence in answer.json()["error"]


@pytest.mark.parametrize("path", ["pause", "resume", "workers", "start"])
def test_a_viewer_changes_nothing(client: TestClient, seen: QueueSeen, path: str) -> None:
    client.headers.update(bearer(VIEWERS_TOKEN))
    assert client.post(f"/api/queue/{path}", json={"number": 2}).status_code == 403
    assert client.get("/api/queue").status_code == 200
    assert not (seen.settings.home / "audit.jsonl").exists()
