"""A new run by program: the same form, preview and draft as JSON, for operators only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from console.access import logins
from console.access.guard import Guard
from console.access.roles import Role
from console.api.answers import translate_errors
from console.api.new import router
from console.settings import ConsoleSettings
from console.world import World

VIEWER, LOOKS = logins.with_token("deniz", Role.VIEWER)
AYSE, OPERATES = logins.with_token("ayse", Role.OPERATOR)
LINES = "\n".join(each.line() for each in (VIEWER, AYSE))


def client(home: Path, token: str = OPERATES) -> TestClient:
    env = {"KANARYA_HOME": str(home), "KANARYA_CONSOLE_LOGINS": LINES}
    world = World.of(ConsoleSettings.from_env(env=env))
    app = FastAPI()
    translate_errors(app)
    app.include_router(router(world))
    bearer = {"Authorization": f"Bearer {token}"}
    return TestClient(Guard(app, world.door), base_url="http://localhost", headers=bearer)


def test_the_form_is_the_schema_of_a_spec(tmp_path: Path) -> None:
    assert "random_forest" in client(tmp_path).get("/api/new/form").json()["$defs"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/new/form"),
        ("GET", "/api/new/draft?from=x"),
        ("GET", "/api/new/preview?uri=/etc/passwd"),
        ("GET", "/api/new/findings?uri=/etc/passwd&target=x"),
        ("POST", "/api/runs"),
    ],
)
def test_a_viewer_may_read_no_file_of_the_server(tmp_path: Path, method: str, path: str) -> None:
    body: dict[str, Any] = {"json": {"spec": {}}} if method == "POST" else {}
    assert client(tmp_path, LOOKS).request(method, path, **body).status_code == 403


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"spec": {"name": "A"}}, "name = 'A': a name is also the InferenceService's"),
        ({"spec": {"task": "nonsense"}}, "there is no task 'nonsense'"),
        ({"spec": {}}, "name is missing"),
    ],
)
def test_what_is_no_spec_is_told_and_nothing_is_queued(
    tmp_path: Path, body: dict[str, Any], sentence: str
) -> None:
    answer = client(tmp_path).post("/api/runs", json=body)
    assert answer.status_code == 422
    assert sentence in answer.json()["error"]
    assert not (tmp_path / "runs").exists()


def test_a_run_that_there_is_not_is_not_found(tmp_path: Path) -> None:
    answer = client(tmp_path).get("/api/new/draft", params={"from": "../../etc"})
    assert (answer.status_code, "there is no run" in answer.json()["error"]) == (404, True)
