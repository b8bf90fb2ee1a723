"""All that was done, in one order: what was recorded, and what rollouts decided; told to whom."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from fastapi import FastAPI
from starlette.testclient import TestClient

from console.access import logins
from console.access.guard import Guard
from console.access.roles import Role
from console.api import audit as audit_api
from console.api.answers import translate_errors
from console.settings import ConsoleSettings
from console.world import World
from pipelines.actions import Wanted, done
from scripts.audit import audit as command
from serving import audit
from serving.audit import AuditError
from serving.rollout.actor import actor
from serving.rollout.ledger import StoredLedger
from serving.rollout.record import Entry, Model
from serving.settings import Settings

ONE, TWO = Model("1", "/models/iris/1"), Model("2", "/models/iris/2")
KEYS = {role: logins.with_token(str(role), role) for role in Role}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An installation in which one registers, one acts on the console, and a rollout decides."""
    made = Settings.from_env({"KANARYA_HOME": str(tmp_path)})
    audit.note("registry.register", "iris", made, uri="/models/iris/2")
    for namespace, year in (("default", 2001), ("team", 2002)):
        ledger = StoredLedger(
            made.ledger, namespace, lambda at=datetime(year, 1, 1, tzinfo=UTC): at
        )
        ledger.append(Entry("iris", "promoted", "a", TWO, ONE, percent=100, why="it was good"))
    audit.log_of(made).append(audit.Deed("ayse", "run.cancel", "run-1", {"role": "operator"}))
    return made


def test_everything_is_told_once_and_in_order(settings: Settings) -> None:
    found = done(settings)
    actions = ["rollout.promoted", "rollout.promoted", "registry.register", "run.cancel"]
    assert [each["action"] for each in found] == actions
    assert found[0]["at"].startswith("2001-01-01T00:00:00")
    assert (found[0]["who"], found[0]["version"], found[0]["percent"]) == (actor(), "2", "100")
    assert [each["who"] for each in found[2:]] == [actor(), "ayse"]


WANTED = {
    "of somebody": (Wanted(who="ayse"), 1),
    "of a user without the machine": (Wanted(who=actor().partition("@")[0]), 3),
    "to a model": (Wanted(subject="iris"), 3),
    "since a moment": (Wanted(since="2002-01-01T00:00:00.000000Z"), 3),
    "of nobody": (Wanted(who="nobody"), 0),
}


@pytest.mark.parametrize(("wanted", "count"), WANTED.values(), ids=WANTED.keys())
def test_what_is_asked_for_is_picked(settings: Settings, wanted: Wanted, count: int) -> None:
    assert len(done(settings, wanted)) == count


def test_the_command_prints_lines_and_json(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KANARYA_HOME", str(settings.home))
    lines = CliRunner().invoke(command, ["run-1"]).output.splitlines()
    assert lines[0].split()[1:] == ["ayse", "run.cancel", "run-1", "role=operator"]
    said = CliRunner().invoke(command, ["--json", "--limit", "1"]).output
    assert json.loads(said)["subject"] == "run-1"
    refused = CliRunner().invoke(command, ["--since", "yesterday"])
    assert "--since 'yesterday' is no time" in str(refused.exception)


def test_what_was_changed_is_told_instead(settings: Settings) -> None:
    path = settings.home / "audit" / "actions.jsonl"
    path.write_text(path.read_text().replace("models/iris/2", "models/iris/3"))
    with pytest.raises(AuditError, match="line 2 does not follow the line before it"):
        done(settings)


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("operator", 403), ("admin", 200)])
def test_only_an_administrator_sees_who_did_what(
    settings: Settings, role: str, status: int
) -> None:
    lines = "\n".join(login.line() for login, _ in KEYS.values())
    env = {"KANARYA_HOME": str(settings.home), "KANARYA_CONSOLE_LOGINS": lines}
    world = World.of(ConsoleSettings.from_env(env=env))
    app = FastAPI()
    translate_errors(app)
    app.include_router(audit_api.router(world))
    client = TestClient(Guard(app, world.door), base_url="http://localhost")
    headers = {"Authorization": f"Bearer {KEYS[Role(role)][1]}"}
    answer = client.get("/api/audit", params={"limit": 2}, headers=headers)
    assert answer.status_code == status
    if status == 200:
        assert [each["action"] for each in answer.json()] == ["run.cancel", "registry.register"]
    else:
        assert answer.json() == {"error": f"{role} is {role}; this needs the role admin"}
