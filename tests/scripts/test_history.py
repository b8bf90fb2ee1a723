"""`kanarya rollout history` and `show`: what people and programs read of a ledger."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from scripts.history import read_moment, verify
from scripts.rollout import rollout, say
from serving.errors import KanaryaError, ModelError, UsageError
from serving.published import manifest_sha256
from serving.rollout.begin import run
from serving.rollout.ledger import LedgerError, StoredLedger
from serving.rollout.outcome import Request
from serving.rollout.record import Entry, Model
from serving.rollout.undo import rollback
from tests.serving.pages.pages import read
from tests.serving.rollout.stage import NAME, STEPS, Stage

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
ONE, TWO, THREE = (Model(version, f"file:///models/iris/{version}") for version in "123")
GROUNDS = ("at 10 %: error rate 0.0 %",)
STORY = [
    Entry("iris", "begun", "aaaa1111", ONE, why="rolling out; nothing is live yet"),
    Entry("iris", "promoted", "aaaa1111", ONE, why="version 1 is the first", percent=100),
    Entry("iris", "begun", "bbbb2222", TWO, ONE, percent=0, why="rolling out; version 1 is live"),
    Entry("iris", "split", "bbbb2222", TWO, ONE, percent=10, why="10 % of the traffic goes to 2"),
    Entry("iris", "promoting", "bbbb2222", TWO, ONE, 2, 100, "version 2 was good at 10 %"),
    Entry(
        "iris",
        "promoted",
        "bbbb2222",
        TWO,
        ONE,
        2,
        100,
        "version 2 was good at 10 %",
        evidence=GROUNDS,
        run="run-2",
    ),
    Entry("iris", "begun", "cccc3333", THREE, TWO, percent=0, why="rolling out; version 2 is live"),
    Entry("iris", "split", "cccc3333", THREE, TWO, percent=10, why="10 % of the traffic goes to 3"),
]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home whose ledger has the story, a minute a record from noon UTC; local time is UTC+3."""
    monkeypatch.setenv("KANARYA_HOME", str(tmp_path))
    monkeypatch.setenv("TZ", "Asia/Istanbul")
    monkeypatch.delenv("KANARYA_LEDGER", raising=False)
    time.tzset()
    minutes = iter(range(len(STORY)))
    ledger = StoredLedger(
        str(tmp_path / "ledger"), clock=lambda: NOON + timedelta(minutes=next(minutes))
    )
    for entry in STORY:
        ledger.append(entry)
    yield tmp_path
    monkeypatch.undo()
    time.tzset()


def asked(*arguments: str) -> str:
    result: Result = CliRunner().invoke(rollout, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_the_history_is_a_timeline_with_reasons_and_names(home: Path) -> None:
    lines = asked("history", "iris").splitlines()
    actor = r"\(.+@.+\)"
    assert re.fullmatch(rf"2026-11-21 15:00:00\+03:00  begun\s+version 1  {actor}", lines[0])
    assert lines[1] == "    rolling out; nothing is live yet"
    assert any(re.match(r"2026-11-21 15:03:00\+03:00  split\s+10 %  version 2", x) for x in lines)
    assert any("promoted" in line and "run run-2" in line for line in lines)
    assert lines.count(f"      {GROUNDS[0]}") == 1


def test_the_history_for_programs_is_a_record_a_line_as_in_the_files(home: Path) -> None:
    found = [json.loads(line) for line in asked("history", "iris", "--json").splitlines()]
    files = sorted((home / "ledger" / "iris").iterdir())
    assert found == [json.loads(path.read_bytes()) for path in files]


AT = [
    ("2026-11-21T14:59:59", "nothing was in its ledger yet"),
    ("2026-11-21T15:00:30", "nothing was live"),
    ("2026-11-21T15:01:00", "version 1 was live, since 2026-11-21 15:01:00+03:00"),
    ("2026-11-21T12:01:00Z", "version 1 was live"),
    ("2026-11-21T12:00:59.999999+00:00", "nothing was live"),
    ("2026-11-21 15:03", "version 2 was being rolled out with 10 % of the traffic"),
    ("2026-11-21T15:04:59", "version 1 was live"),
    ("2026-11-21T15:05:00", "version 2 was live"),
    ("2026-11-21T15:05:00", "version 2 was good at 10 %"),
    ("2026-11-21T15:05:00", "error rate 0.0 %"),
    ("2026-11-21", "nothing was in its ledger yet"),
    ("2026-11-22", "version 2 was live"),
    ("2027-01-01", "version 3 was being rolled out with 10 %"),
]


@pytest.mark.parametrize(("moment", "said"), AT)
def test_a_moment_has_one_answer_in_local_time_unless_it_says_otherwise(
    home: Path, moment: str, said: str
) -> None:
    assert said in asked("history", "iris", "--at", moment)


def test_a_moment_for_programs(home: Path) -> None:
    found = json.loads(asked("history", "iris", "--at", "2026-11-21T15:07:00", "--json"))
    assert (found["live"]["version"], found["record"]["seq"]) == ("2", 6)
    assert (found["beside"]["to"]["version"], found["beside"]["percent"]) == ("3", 10)
    before = json.loads(asked("history", "iris", "--at", "2026-11-20", "--json"))
    assert (before["live"], before["record"], before["beside"]) == (None, None, None)


@pytest.mark.parametrize("text", ["", "noon", "2026-13-01", "21.11.2026", "2026-11-21T25:00"])
def test_what_is_no_time_is_refused_with_what_is(text: str) -> None:
    with pytest.raises(UsageError, match="give 2026-11-21"):
        read_moment(text)


Refused = tuple[Callable[[Path], object], type[KanaryaError], str]
REFUSED: list[Refused] = [
    (lambda f: (f / "000002.json").unlink(), LedgerError, "000002.json is missing"),
    (lambda f: (f / "000003.json").write_text("{}"), LedgerError, "000003.json was changed"),
    (lambda f: (f / "notes.txt").write_text(""), LedgerError, "notes.txt is no record"),
]


@pytest.mark.parametrize("command", [["history"], ["history", "--at", "2026-11-21"], ["show"]])
@pytest.mark.parametrize(("do", "error", "said"), REFUSED)
def test_a_ledger_that_is_not_whole_is_never_shown(
    home: Path, command: list[str], do: Callable[[Path], object], error: type, said: str
) -> None:
    do(home / "ledger" / "iris")
    with pytest.raises(error, match=re.escape(said)) as caught:
        asked(command[0], "iris", *command[1:])
    assert caught.value.exit_code == 1


def test_a_service_without_a_ledger_is_told(home: Path) -> None:
    with pytest.raises(KanaryaError, match="pine has no records"):
        asked("history", "pine")


def test_a_decision_has_its_timeline_its_outcome_and_how_to_undo_it(home: Path) -> None:
    lines = asked("show", "iris", "--rollout", "bbbb").splitlines()
    assert lines[0] == "iris: version 2: promoted"
    assert lines[1] == "Version 2 took over from version 1: it was good at 10 %."
    assert "  kanarya rollout rollback iris  (gives version 1" in "\n".join(lines)
    assert sum("@" in line and "version 2 was good at 10 %" in line for line in lines) == 2
    assert "under way" in asked("show", "iris").splitlines()[0]


def test_a_decision_is_a_page_in_a_file_and_the_file_is_there_whole_or_not(home: Path) -> None:
    page = home / "cards" / "two.html"
    assert f"wrote {page}" in asked("show", "iris", "--rollout", "bbbb", "--html", str(page))
    text = read(page.read_text(encoding="utf-8")).text
    assert "iris: version 2" in text and "Promoted" in text and "run-2" in text
    again = asked("show", "iris", "--rollout", "bbbb", "--html", str(page), "--json")
    assert json.loads(again.partition("\n")[2])["to"]["version"] == "2"
    assert sorted(each.name for each in page.parent.iterdir()) == ["two.html"]


def test_a_folder_is_no_place_for_a_page(home: Path) -> None:
    result = CliRunner().invoke(rollout, ["show", "iris", "--html", str(home)])
    assert result.exit_code == 2
    assert "is a directory" in result.output


def test_without_its_registry_a_decision_is_what_the_ledger_knows(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:////dev/null/mlflow.db")
    assert "iris: version 2: promoted" in asked("show", "iris", "--rollout", "bbbb")


@pytest.mark.parametrize(
    ("rollout_id", "said"), [("dddd", "no rollouts"), ("", "no rollouts"), ("zz", "cccc3333, bbbb")]
)
def test_a_rollout_that_is_not_there_is_told_with_those_that_are(
    home: Path, rollout_id: str, said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        asked("show", "iris", "--rollout", rollout_id)


def test_to_and_levels_exclude_each_other(home: Path) -> None:
    result = CliRunner().invoke(rollout, ["rollback", "iris", "--to", "1", "--levels", "2"])
    assert result.exit_code == 2
    assert "not both" in result.output


def test_what_the_last_line_says_is_not_told_before_it(capsys: pytest.CaptureFixture[str]) -> None:
    played = Stage.with_live("1")
    played.run("2")
    outcome = rollback(replace(played.world(), report=say), NAME)
    assert (outcome.kind, outcome.reason) == ("rolled_back", "gone back to version 1 by hand")
    assert capsys.readouterr().out == ""


@pytest.fixture
def stage(tmp_path: Path, iris_model_dir: Path) -> Stage:
    """Two versions that were live, as real model directories."""
    stage = Stage()
    for version in ("1", "2"):
        model = tmp_path / version
        shutil.copytree(iris_model_dir, model)
        stage.ledger.digests[model.as_uri()] = manifest_sha256(model.as_uri()) or ""
        assert run(stage.world(), Request("iris", version, model.as_uri(), STEPS)).kind
    return stage


def test_verify_says_what_was_compared(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    verify("iris", stage.world(), as_json=False)
    said = capsys.readouterr().out
    assert "iris: 7 records, each follows the one before" in said
    assert "with the bytes they had: 2 of 2 models that are or were live\n" in said


def test_verify_misses_the_newest_records(stage: Stage) -> None:
    del stage.ledger.records[-1]
    with pytest.raises(LedgerError, match="does not hold record 7"):
        verify("iris", stage.world(), as_json=False)


def test_verify_names_every_model_whose_bytes_are_not_what_they_were(
    stage: Stage, tmp_path: Path
) -> None:
    (tmp_path / "1" / "model.onnx").write_bytes(b"")
    shutil.rmtree(tmp_path / "2")
    with pytest.raises(ModelError, match=r"version 2: it cannot be read.*version 1: .*was changed"):
        verify("iris", stage.world(), as_json=False)
