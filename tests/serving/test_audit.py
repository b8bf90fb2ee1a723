"""The record of actions: it only grows, and what was changed in it shows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from serving import audit
from serving.audit import AuditError, Deed, FileLog, SharedLog
from serving.errors import PlatformError
from serving.settings import Settings


def deed(number: int, **detail: str) -> Deed:
    return Deed("ayse@host", "registry.champion", f"iris-{number}", detail)


@pytest.fixture
def log(tmp_path: Path) -> FileLog:
    kept = FileLog(tmp_path / "audit" / "actions.jsonl")
    for number in range(3):
        kept.append(deed(number, version=str(number), run=""))
    return kept


@pytest.mark.parametrize("shared", [False, True])
def test_what_was_kept_is_read_in_order(tmp_path: Path, shared: bool) -> None:
    log = SharedLog(str(tmp_path)) if shared else FileLog(tmp_path / "actions.jsonl")
    for number in range(3):
        log.append(deed(number, version=str(number), run=""))
    found = log.records()
    assert [each["subject"] for each in found] == ["iris-0", "iris-1", "iris-2"]
    assert set(found[0]) == {"at", "who", "action", "subject", "version"}


DAMAGES = {
    "a changed word": (lambda lines: [lines[0], lines[1].replace("iris-1", "iris-9"), lines[2]], 3),
    "a line taken away": (lambda lines: [lines[0], lines[2]], 2),
    "the first taken away": (lambda lines: lines[1:], 1),
    "two lines exchanged": (lambda lines: [lines[1], lines[0], lines[2]], 1),
    "no JSON": (lambda lines: [lines[0], "rubbish", lines[2]], 2),
    "a list": (lambda lines: [lines[0], "[]", lines[2]], 2),
}


@pytest.mark.parametrize(("damage", "line"), DAMAGES.values(), ids=DAMAGES.keys())
def test_what_was_changed_is_named(log: FileLog, damage, line: int) -> None:
    lines = log.path.read_text().splitlines()
    log.path.write_text("\n".join(damage(lines)) + "\n")
    with pytest.raises(AuditError, match=f"line {line} "):
        log.records()


def test_an_action_that_was_cut_off_was_not_done_and_stands_in_nobodys_way(log: FileLog) -> None:
    with log.path.open("a") as file:
        file.write('{"at": "2026-11-21T10:')
    assert [each["subject"] for each in log.records()] == ["iris-0", "iris-1", "iris-2"]
    log.append(deed(3))
    assert [each["subject"] for each in log.records()][2:] == ["iris-2", "iris-3"]


def test_many_writers_make_one_chain(tmp_path: Path) -> None:
    logs = [FileLog(tmp_path / "actions.jsonl") for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda n: logs[n % 4].append(deed(n)), range(40)))
    assert {each["subject"] for each in logs[0].records()} == {f"iris-{n}" for n in range(40)}


def test_what_cannot_be_recorded_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "audit").write_text("a file")
    with pytest.raises(PlatformError, match="what is not recorded is not done; make it writable"):
        FileLog(tmp_path / "audit" / "actions.jsonl").append(deed(1))


PLACES = {
    "in the home": ({}, "{here}/home/audit/actions.jsonl"),
    "beside a ledger that pods share": ({"KANARYA_LEDGER": "{here}/all"}, "{here}/all/.audit"),
    "in a bucket": ({"KANARYA_MODEL_STORE": "gs://b/models"}, "gs://b/models/.ledger/.audit"),
}


@pytest.mark.parametrize(("env", "place"), PLACES.values(), ids=PLACES.keys())
def test_actions_lie_where_nothing_forgets_them(tmp_path: Path, env, place: str) -> None:
    named = {key: value.format(here=tmp_path) for key, value in env.items()}
    log = audit.log_of(Settings.from_env({"KANARYA_HOME": str(tmp_path / "home"), **named}))
    found = str(log.path) if isinstance(log, FileLog) else log.place
    assert found == place.format(here=tmp_path)
