"""The page of alerts: its values from a real outbox and a real receiver, and its routes."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from console.access import logins
from console.access.audit import Audit
from console.access.guard import Door, Guard
from console.access.roles import Role
from console.access.sessions import Sessions
from console.api import alerts as alerts_api
from console.api.answers import translate_errors
from console.data.alerts import Alerts
from pipelines.alerts import chosen, outbox
from pipelines.alerts.alert import alert
from pipelines.alerts.deciding import Condition, Decided, Silence
from pipelines.alerts.receivers import ADDRESSES, FILE
from pipelines.alerts.rule import Severity
from pipelines.alerts.silencing import Quiet
from pipelines.alerts.table import BY_NAME
from serving.audit import FileLog
from serving.errors import KanaryaError
from serving.settings import Settings
from tests.pipelines.alerts.receiving import web

OPERATOR, OPERATORS_TOKEN = logins.with_token("ayse", Role.OPERATOR)
VIEWER, VIEWERS_TOKEN = logins.with_token("build", Role.VIEWER)
DRIFT = {"model": "iris", "version": "3"}


@pytest.fixture
def seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Alerts:
    for name in (ADDRESSES, FILE):
        monkeypatch.delenv(name, raising=False)
    return Alerts(Settings.from_env({"KANARYA_HOME": str(tmp_path)}))


@pytest.fixture
def wrong(seen: Alerts) -> Alerts:
    """A home in which a model drifts since an hour, fails since a minute, and the disk fills."""
    now = time.time()
    conditions = (
        Condition("KanaryaDrift", DRIFT, now - 3600, now, "It drifts.", told=now - 3600),
        Condition("KanaryaDiskLow", {"home": "/h"}, now - 60, now, "It fills."),
        Condition("KanaryaErrors", DRIFT, now - 60, now, "It fails.", told=now),
    )
    told = alert("KanaryaDrift", Severity.WARNING, DRIFT, "It drifts.", datetime.now(UTC))
    with outbox.opened(seen.settings) as opened:
        opened.take(Decided(conditions, (told,)))
        opened.send_out(["webhook:old"], now)
        opened.failed("webhook:old", told.id, "it answers 503", now + 60)
    return seen


def test_looking_at_a_home_where_nobody_looked_makes_nothing(seen: Alerts) -> None:
    found = seen.standing()
    assert not found.looked and not found.wrong and not found.troubles
    assert [rule.name for rule in found.rules] == [*BY_NAME]
    assert not (seen.settings.home / "alerts").exists()
    with pytest.raises(KanaryaError, match="nobody has looked at .* yet"):
        seen.silence(Quiet("all"), "ayse")


def test_what_is_urgent_comes_first_and_what_is_silent_last(wrong: Alerts) -> None:
    shown = [(each.rule, each.state, each.severity) for each in wrong.standing().wrong]
    assert shown == [
        ("KanaryaErrors", "firing", "critical"),
        ("KanaryaDrift", "firing", "warning"),
        ("KanaryaDiskLow", "pending", "warning"),
    ]
    kept = wrong.silence(Quiet("KanaryaErrors", "iris/3", 1.0, "known"), "ayse")
    found = wrong.standing()
    assert [each.rule for each in found.wrong][-1] == "KanaryaErrors"
    assert [found.count(state) for state in ("firing", "pending", "silent")] == [1, 1, 1]
    assert found.silences == (Silence("KanaryaErrors", "iris/3", kept.until, "known", "ayse"),)
    wrong.silence(Quiet("KanaryaErrors", "iris/3", 0.0), "mert")
    assert wrong.standing().silences == ()


def test_who_is_told_is_shown_before_the_first_alert_and_after_they_are_not_any_more(
    wrong: Alerts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ADDRESSES, "https://hooks.example.com/secret-path")
    found = wrong.standing()
    states = {each.receiver.name.partition("#")[0]: each.state for each in found.told}
    assert states == {"webhook:old": "failing", "webhook:hooks.example.com": "well"}
    assert (found.waiting, "secret" in repr(found)) == (1, False)


def test_what_cannot_be_read_is_a_sentence_and_the_rest_is_shown(
    wrong: Alerts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ADDRESSES, "nonsense")
    chosen.path(wrong.settings).write_text("[KanaryaNothing]")
    found = wrong.standing()
    assert len(found.wrong) == 3 and len(found.rules) == len(BY_NAME)
    assert [part in "".join(found.troubles) for part in ("KanaryaNothing", ADDRESSES)] == [True] * 2
    outbox.path(wrong.settings).write_bytes(b"no database" * 999)
    assert "cannot be used" in wrong.standing().troubles[0]


@pytest.fixture
def client(wrong: Alerts) -> TestClient:
    class World:
        alerts = wrong
        audit = Audit(FileLog(wrong.settings.home / "audit.jsonl"))

    app = FastAPI()
    translate_errors(app)
    app.include_router(alerts_api.router(World()))  # type: ignore[arg-type]
    known = logins.Logins({each.name: each for each in (OPERATOR, VIEWER)})
    guard = Guard(app, Door(("localhost",), known, Sessions(b"s" * 32)))
    headers = {"Authorization": f"Bearer {OPERATORS_TOKEN}"}
    return TestClient(guard, base_url="http://localhost", headers=headers)


def test_a_program_reads_silences_and_tests(
    client: TestClient, wrong: Alerts, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {"rule": "KanaryaDrift", "subject": "iris/3", "hours": 1, "why": "known"}
    assert client.post("/api/alerts/silences", json=asked).json()["who"] == "ayse"
    found = client.get("/api/alerts").json()
    assert {each["rule"]: each["state"] for each in found["wrong"]}["KanaryaDrift"] == "silent"
    assert [each["why"] for each in found["silences"]] == ["known"]
    assert found["deliveries"][0]["alert"]["rule"] == "KanaryaDrift"
    with web() as server:
        monkeypatch.setenv(ADDRESSES, server.url())
        assert [*client.post("/api/alerts/test").json().values()] == ["delivered"]
        assert len(server.posts) == 1
    text = (wrong.settings.home / "audit.jsonl").read_text(encoding="utf-8")
    said = [json.loads(line) for line in text.splitlines()]
    assert [each["action"] for each in said] == ["alerts.silence", "alerts.test"]
    assert (said[0]["about"], said[0]["hours"]) == ("iris/3", "1")


@pytest.mark.parametrize(
    ("path", "body", "sentence"),
    [
        ("silences", {"rule": "KanaryaDrifts"}, "did you mean KanaryaDrift"),
        ("test", None, "nobody is told: put addresses into"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(
    client: TestClient, path: str, body: object, sentence: str
) -> None:
    answer = client.post(f"/api/alerts/{path}", json=body)
    assert (answer.status_code, sentence in answer.json()["error"]) == (422, True)


@pytest.mark.parametrize("hours", [-1, 9000, "nan"])
def test_a_time_that_is_none_is_refused(client: TestClient, hours: object) -> None:
    body = {"rule": "all", "hours": hours}
    assert client.post("/api/alerts/silences", json=body).status_code == 422


@pytest.mark.parametrize("path", ["silences", "test"])
def test_a_viewer_changes_nothing(client: TestClient, wrong: Alerts, path: str) -> None:
    client.headers["Authorization"] = f"Bearer {VIEWERS_TOKEN}"
    assert client.post(f"/api/alerts/{path}", json={"rule": "all"}).status_code == 403
    assert client.get("/api/alerts").status_code == 200
    assert not wrong.standing().silences
