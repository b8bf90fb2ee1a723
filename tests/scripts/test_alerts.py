"""`kanarya alerts` as a person sees it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines.actions import done
from pipelines.alerts import looking
from pipelines.alerts.delivering import deliver
from pipelines.alerts.outbox import path
from pipelines.alerts.receivers import ADDRESSES, FILE
from pipelines.alerts.table import BY_NAME
from scripts.alerts import alerts, standing
from serving.errors import KanaryaError, UsageError
from serving.rollout.actor import actor
from serving.settings import Settings
from tests.pipelines.alerts.receiving import web


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("KANARYA_HOME", str(tmp_path / "home"))
    for name in (ADDRESSES, FILE):
        monkeypatch.delenv(name, raising=False)
    return Settings.from_env()


@pytest.fixture
def drifted(settings: Settings) -> Settings:
    """A home in which a model has drifted, and somebody has looked."""
    now = datetime.now(UTC)
    window = {
        "at": now.isoformat(),
        "opened_at": now.isoformat(),
        "model": "iris",
        "version": "3",
        "drifted": True,
        "rows": 9,
    }
    file = settings.home / "monitor" / "iris" / "windows.jsonl"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({**window, "columns": [], "sentence": "age: 34 → 51"}) + "\n")
    looking.look(settings, now)
    return settings


def said(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(alerts, arguments, standalone_mode=False, catch_exceptions=False)
    assert (done.return_value or 0) == code
    return done.output


def test_the_list_says_what_is_wrong(drifted: Settings) -> None:
    line = said("list")
    assert line.startswith("firing   KanaryaDrift iris/3 ") and "age: 34 → 51." in line
    (found,) = json.loads(said("list", "--json"))["conditions"]
    assert (found["rule"], found["labels"]) == ("KanaryaDrift", {"model": "iris", "version": "3"})


def test_the_status_says_how_many_rules_fire(drifted: Settings) -> None:
    assert standing(drifted) == "alerts: 1 rule fires; `kanarya alerts list` says why"
    path(drifted).write_bytes(b"no database" * 999)
    assert standing(drifted).startswith(f"alerts: {path(drifted)} cannot be used")


def test_a_silence_is_shown_and_ends(drifted: Settings) -> None:
    assert said("silence", "KanaryaDrift", "iris/3", "--why", "known").startswith("silent until")
    shown = said("list")
    assert shown.startswith("silent   KanaryaDrift")
    assert f"KanaryaDrift iris/3: known (by {actor()})" in shown
    assert said("silence", "KanaryaDrift", "iris/3", "--hours", "0") == "it is told again\n"
    assert said("list").startswith("firing")


def test_the_outbox_shows_who_was_told_and_what_waits(
    drifted: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert said("outbox") == "nobody was ever told anything\n"
    with web() as server:
        monkeypatch.setenv(ADDRESSES, f"{server.url()} {server.url('/other')}")
        deliver(drifted, datetime.now(UTC))
        server.status = 500
        assert said("test", code=1).count(": it answers 500\n") == 2
        server.status = 200
        assert said("test").count(": delivered\n") == 2
        assert len(server.posts) == 4
    shown = said("outbox")
    assert shown.count(": 0 wait, 1 delivered\n") == 2 and "age: 34 → 51." in shown
    found = json.loads(said("outbox", "--json"))
    assert {each["state"] for each in found["deliveries"]} == {"delivered"}


def test_a_silence_of_nothing_that_is_wrong_says_what_is(drifted: Settings) -> None:
    note = "note: what is wrong now is of iris/3, not of 'iris'\n"
    assert said("silence", "KanaryaDrift", "iris").endswith(note)
    assert said("silence", "all", "iris").endswith(note)
    for fine in (["all"], ["KanaryaDrift", "iris/3"], ["KanaryaSlow", "iris"]):
        assert "note: " not in said("silence", *fine)


def test_who_silences_and_tests_is_in_the_audit_log_and_what_was_refused_is_not(
    drifted: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for refused in (["silence", "Drift"], ["silence", "all", "--hours", "nan"], ["test"]):
        with pytest.raises(UsageError):
            said(*refused)
    said("silence", "KanaryaDrift", "iris/3", "--why", "known")
    with web() as server:
        monkeypatch.setenv(ADDRESSES, server.url())
        said("test")
    quiet, tested = done(drifted)
    assert (quiet["who"], quiet["action"], quiet["subject"]) == (
        actor(),
        "alerts.silence",
        "KanaryaDrift",
    )
    assert (quiet["about"], quiet["hours"], quiet["why"]) == ("iris/3", "2", "known")
    assert (tested["action"], tested["subject"]) == ("alerts.test", "receivers")


def test_every_rule_is_listed(settings: Settings) -> None:
    assert all(name in said("rules") for name in BY_NAME)
    assert [each["name"] for each in json.loads(said("rules", "--json"))] == list(BY_NAME)


def test_where_nobody_looked_or_is_told_that_is_said(settings: Settings) -> None:
    for command in (["list"], ["outbox"], ["silence", "all"]):
        with pytest.raises(KanaryaError, match="nobody has looked at .* yet; `kanarya up`"):
            said(*command)
    with pytest.raises(UsageError, match="nobody is told: put addresses into KANARYA_ALERTS_TO"):
        said("test")
    assert not settings.home.exists() and standing(settings) == ""


def test_a_rule_that_there_is_not_cannot_be_silenced(drifted: Settings) -> None:
    with pytest.raises(UsageError, match="there is no rule 'Drift'; did you mean KanaryaDrift"):
        said("silence", "Drift")


@pytest.mark.parametrize("hours", ["nan", "inf", "1e9", "9000"])
def test_a_silence_has_an_end(drifted: Settings, hours: str) -> None:
    with pytest.raises(UsageError, match=r"hours \S+: give 0 \(it ends\) to"):
        said("silence", "all", "--hours", hours)
