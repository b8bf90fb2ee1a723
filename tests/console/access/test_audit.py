"""The record of what people did on the pages."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from console.access.audit import Audit
from console.access.roles import Person, Role
from serving.audit import FileLog

AYSE = Person("ayse", Role.OPERATOR, "127.0.0.1")


def test_an_action_is_one_line_whatever_its_words(tmp_path: Path) -> None:
    log = FileLog(tmp_path / "audit" / "actions.jsonl")
    Audit(log).record(AYSE, "upload", "a\nb.csv", size=5, why="x" * 1000)
    (line,) = log.path.read_text(encoding="utf-8").splitlines()
    record = json.loads(line)
    assert (record["who"], record["role"], record["from"]) == ("ayse", "operator", "127.0.0.1")
    assert (record["action"], record["subject"], record["size"]) == ("upload", "a\nb.csv", "5")
    assert len(record["why"]) == 500
    assert log.path.stat().st_mode & 0o077 == 0


def test_lines_of_many_at_once_do_not_mix(tmp_path: Path) -> None:
    log = FileLog(tmp_path / "actions.jsonl")
    audit = Audit(log)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda n: audit.record(AYSE, "cancel", f"run-{n}"), range(100)))
    assert {record["subject"] for record in log.records()} == {f"run-{n}" for n in range(100)}
