"""Models: what the store, the ledger and the registry say, the form, the routes; real files."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from components.monitor import windows
from components.monitor.windows import Ended
from components.registry import Entry
from console.access import logins
from console.access.audit import Audit
from console.access.guard import Door, Guard
from console.access.roles import Role
from console.access.sessions import Sessions
from console.api import models as models_api
from console.api.answers import translate_errors
from console.data.asking import Answer, ask, example, fields
from console.data.lineage import lineage
from console.data.models import Models
from console.data.runs import Runs
from console.data.versions import confirmed
from pipelines.retrain import standing
from pipelines.retrain.standing import Standing
from serving.audit import FileLog
from serving.card import Card, write_card
from serving.errors import KanaryaError, NotFound
from serving.rollout import record
from serving.rollout.decision import decision
from serving.rollout.ledger import StoredLedger
from serving.settings import Settings
from serving.signature import Column, Signature

OPERATOR, OPERATORS_TOKEN = logins.with_token("ayse", Role.OPERATOR)
VIEWER, VIEWERS_TOKEN = logins.with_token("build", Role.VIEWER)
SIGNATURE = Signature(
    (
        Column("length", "number", minimum=1.0, maximum=2.0),
        Column("count", "integer", minimum=1, maximum=4),
        Column("sunny", "boolean"),
        Column("port", "text", nullable=True, categories=("(missing)", "C", "S")),
        Column("<b>name</b>", "text"),
    ),
    ("no", "yes"),
)


@pytest.fixture
def models(tmp_path: Path) -> Models:
    """Version 1 is live, 2 was rolled back after it, 3 is registered and no more."""
    settings = Settings.from_env({"KANARYA_HOME": str(tmp_path)})
    for version in ("1", "2", "3"):
        folder = tmp_path / "models" / "boat" / version
        folder.mkdir(parents=True)
        write_card(folder, _card(version))
    ledger = StoredLedger(settings.ledger)
    first, second = (_model(tmp_path, version) for version in ("1", "2"))
    _said(ledger, "promoted", first, None, "r1")
    _said(ledger, "begun", second, first, "r2")
    _said(ledger, "rolled_back", second, first, "r2")
    return Models(settings)


def test_the_newest_version_comes_first_with_what_was_decided_of_it(models: Models) -> None:
    found = models.one("boat")
    assert [(each.version, each.aliases) for each in found.versions] == [
        ("3", ("staging",)),
        ("2", ()),
        ("1", ("champion",)),
    ]
    outcomes = [each.rollout.outcome if each.rollout else "" for each in found.versions]
    assert outcomes == ["", "rolled_back", "promoted"]
    assert [each.was_live for each in found.versions] == [False, False, True]
    assert [each.run for each in found.versions] == ["", "run-r2", "run-r1"]
    assert found.versions[0].headline == ("accuracy", 0.9)


def test_an_end_that_another_process_carried_out_is_the_end(models: Models) -> None:
    second = _model(models.settings.home, "2")
    ledger = StoredLedger(models.settings.ledger)
    _said(ledger, "taken_over", second, _model(models.settings.home, "1"), "r2")
    stands = models.version("boat", "2").rollout
    assert stands and stands.outcome == "rolled_back"
    assert decision(ledger.chain("boat"), "r2")["outcome"] == "rolled_back"


def test_a_damaged_card_is_told_of_where_its_version_is_shown(models: Models) -> None:
    (models.settings.home / "models" / "boat" / "3" / "card.json").write_text("{}")
    assert "format" in models.one("boat").versions[0].trouble


@pytest.mark.parametrize("name", ["nope", "../boat", ".", "", "boat/1"])
def test_only_a_model_that_there_is_can_be_asked_for(models: Models, name: str) -> None:
    with pytest.raises(NotFound, match="there is no model"):
        models.one(name)


@pytest.mark.parametrize(("newest", "aliases"), [(True, ("previous",)), (False, ("champion",))])
def test_the_registrys_aliases_count_unless_something_was_decided_since(
    models: Models, newest: bool, aliases: tuple[str, ...]
) -> None:
    tags = {"kanarya.gate": "passed"}
    entry = Entry("boat", "1", ("previous",), tags, "", datetime.now(UTC))
    found = confirmed(models.version("boat", "1"), entry, ("it is good",), newest=newest)
    assert (found.aliases, found.gate, found.reasons) == (aliases, "passed", ("it is good",))


def test_the_way_of_a_version_leads_from_its_data_to_its_rollout(models: Models) -> None:
    stops = lineage(models.version("boat", "2"), None, None)
    assert [stop.what for stop in stops] == ["data", "run", "version", "rollout"]
    assert stops[-1].to == ("models", "boat", "decisions", "r2")


def test_a_form_begins_in_the_middle_of_what_was_seen() -> None:
    assert example(SIGNATURE) == {
        "length": 1.5,
        "count": 2,
        "sunny": True,
        "port": "C",
        "<b>name</b>": "",
    }
    assert fields(SIGNATURE)[3].options == ("C", "S")


LABELS = {"predictions": ["yes"], "probabilities": [[0.2, 0.8]], "classes": ["no", "yes"]}


@pytest.mark.parametrize(
    ("said", "prediction", "shares"),
    [
        (LABELS, "yes", (("yes", 0.8), ("no", 0.2))),
        (
            {"predictions": [[0.7, 0.3]], "classes": ["no", "yes"]},
            "no",
            (("no", 0.7), ("yes", 0.3)),
        ),
        ({"predictions": [3.5]}, "3.5", ()),
    ],
)
def test_an_answer_says_what_and_who(
    said: dict[str, Any], prediction: str, shares: tuple[tuple[str, float], ...]
) -> None:
    with Answering(200, json.dumps({**said, "model_version": "2"})) as url:
        found = ask(url, "boat", {"length": 1})
    assert isinstance(found, Answer)
    assert (found.prediction, found.shares) == (prediction, shares)
    assert (found.version, found.revision) == ("2", "boat-00002")


@pytest.mark.parametrize(
    ("status", "said", "words"),
    [
        (400, '{"error": "no column"}', "^the model answered 400: no column$"),
        (502, "[1, 2]", r"^the model answered 502: \[1, 2\]$"),
        (503, "<html>", "^the model answered 503: <html>$"),
        (200, "<html>", "no answer of a model"),
        (200, '{"predictions": []}', "no answer of a model"),
    ],
)
def test_what_is_no_answer_is_one_sentence(status: int, said: str, words: str) -> None:
    with Answering(status, said) as url, pytest.raises(KanaryaError, match=words):
        ask(url, "boat", {})


def test_a_model_that_is_down_is_one_sentence() -> None:
    with pytest.raises(KanaryaError, match="does not answer"):
        ask("http://127.0.0.1:9", "boat", {})


@pytest.fixture
def client(models: Models) -> TestClient:
    world = SimpleNamespace(
        models=models,
        runs=Runs.of(models.settings),
        services=SimpleNamespace(one=_away),
        audit=Audit(FileLog(models.settings.home / "audit.jsonl")),
        settings=SimpleNamespace(base=models.settings),
    )
    app = FastAPI()
    translate_errors(app)
    app.include_router(models_api.routes(world))  # type: ignore[arg-type]
    known = logins.Logins({each.name: each for each in (OPERATOR, VIEWER)})
    guard = Guard(app, Door(("localhost",), known, Sessions(b"s" * 32)))
    return TestClient(guard, base_url="http://localhost", headers=_bearer(OPERATORS_TOKEN))


def test_the_api_tells_the_same(client: TestClient) -> None:
    assert [each["name"] for each in client.get("/api/models").json()] == ["boat"]
    found = client.get("/api/models/boat/versions/2").json()
    assert found["card"]["kind"] == "tree"
    assert [stop["what"] for stop in found["lineage"]] == ["data", "run", "version", "rollout"]
    assert len(client.get("/api/services/boat/ledger").json()) == 3


def test_the_api_tells_what_the_watcher_saw_the_newest_first(
    models: Models, client: TestClient
) -> None:
    assert client.get("/api/models/boat/watched").json() == {"windows": [], "retraining": None}
    file = windows.path(models.settings, "boat")
    file.parent.mkdir(parents=True)
    for number in range(7):
        ended = Ended(f"t{number}", "boat", "1", 100, False, (), "steady", f"o{number}")
        with file.open("a") as lines:
            lines.write(json.dumps(ended.__dict__) + "\n")
    made = Standing("boat", "1", "pointless", "drift", "age: …", "2026-01-01T00:00:00+00:00")
    standing.write(models.settings, made)
    found = client.get("/api/models/boat/watched").json()
    assert [each["at"] for each in found["windows"]] == ["t6", "t5", "t4", "t3", "t2"]
    assert found["retraining"]["verdict"] == "pointless"
    assert client.get("/api/models/nope/watched").status_code == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [("/api/models/nope", 404), ("/api/models/boat/versions/9", 404), ("/api/models/..", 404)],
)
def test_what_there_is_not_is_not_found(client: TestClient, path: str, status: int) -> None:
    assert client.get(path).status_code == status


@pytest.mark.parametrize(
    ("path", "body"),
    [("/api/models/boat/ask", {"length": 1}), ("/api/models/boat/rollback", {"version": "2"})],
)
def test_a_viewer_neither_asks_nor_goes_back(
    client: TestClient, path: str, body: dict[str, Any]
) -> None:
    assert client.post(path, json=body, headers=_bearer(VIEWERS_TOKEN)).status_code == 403


def _away(name: str) -> None:
    raise KanaryaError(f"{name} cannot be asked")


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _card(version: str) -> Card:
    made = "2026-11-21T10:00:00+00:00"
    metrics = {"accuracy": 0.9}
    return Card("boat", "tree", SIGNATURE, "a" * 64, {}, metrics, 17, made, version=version)


def _model(home: Path, version: str) -> record.Model:
    return record.Model(version, (home / "models" / "boat" / version).as_uri())


def _said(
    ledger: StoredLedger, kind: str, to: record.Model, before: record.Model | None, rollout: str
) -> None:
    entry = record.Entry(
        "boat", kind, rollout, to, before, percent=100, why="so", run=f"run-{rollout}"
    )
    ledger.append(entry)


class Answering:
    """A model that says one thing, on loopback."""

    def __init__(self, status: int, said: str) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                self.send_response(status)
                self.send_header("kanarya-revision", "boat-00002")
                self.end_headers()
                self.wfile.write(said.encode())

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)

    def __enter__(self) -> str:
        Thread(target=self._server.handle_request, daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_port}"

    def __exit__(self, *_: object) -> None:
        self._server.server_close()
