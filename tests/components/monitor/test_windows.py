"""What became of each window, a line each."""

import json
from pathlib import Path
from typing import Any

from components.monitor import windows
from components.monitor.record import Look, Windows
from components.monitor.windows import Ended
from pipelines.monitored import is_due
from serving.settings import Settings


def finding(column: str, p: float, is_alarm: bool = True) -> dict[str, Any]:
    return {"column": column, "effect": 0.5, "p": p, "is_alarm": is_alarm}


def look(number: int, opened: str, verdict: str, **changed: Any) -> Look:
    findings = [finding("town", 0.01), finding("age", 0.001), finding("age", 0.02)]
    if verdict != "drift":
        findings = [finding("age", 0.2, is_alarm=False)]
    said = {"verdict": verdict, "rows": 100, "sentence": "age: …", "findings": findings}
    usual = {"number": number, "service": "people", "version": "3", "opened_at": opened}
    more = {"at": f"t{number}", "look": 1, "is_closed": False, "start": {}, "totals": {}}
    return Look(**{**usual, **more, "judgement": said, **changed})


def test_a_window_is_one_line_once_it_drifted_or_is_closed(tmp_path: Path) -> None:
    settings = Settings.from_env({"KANARYA_HOME": str(tmp_path)})
    for each in (
        look(1, "a", "too_few"),
        look(2, "a", "steady"),
        look(3, "a", "drift"),
        look(4, "a", "steady", is_closed=True),
        look(5, "b", "steady", is_closed=True),
        look(6, "b", "drift", version="4"),
    ):
        windows.note(settings, each)
    found = windows.read(settings, "people")
    assert [(each.at, each.version, each.drifted) for each in found] == [
        ("t3", "3", True),
        ("t5", "3", False),
        ("t6", "4", True),
    ]
    line = json.loads(windows.path(settings, "people").read_text().splitlines()[0])
    assert line == {
        "at": "t3",
        "opened_at": "a",
        "model": "people",
        "version": "3",
        "rows": 100,
        "drifted": True,
        "columns": ["age", "town"],
        "sentence": "age: …",
    }


def test_a_torn_line_is_left_out_and_the_file_has_an_end(tmp_path: Path) -> None:
    settings = Settings.from_env({"KANARYA_HOME": str(tmp_path)})
    file = windows.path(settings, "people")
    file.parent.mkdir(parents=True)
    line = json.dumps(Ended("t", "people", "3", 50, False, (), "", "o").__dict__ | {"columns": []})
    file.write_text(f"{line}\n" + line[:20])
    windows.note(settings, look(1, "a", "drift"))
    assert [each.at for each in windows.read(settings, "people")] == ["t", "t1"]
    file.write_text(f"{line}\n" * windows.MOST_LINES)
    windows.note(settings, look(1, "a", "drift"))
    found = windows.read(settings, "people")
    assert (len(found), found[-1].at) == (windows.MOST_LINES // 2 + 1, "t1")


def test_only_the_newest_looks_are_kept(tmp_path: Path) -> None:
    kept = Windows(str(tmp_path / "people"))
    for number in range(1, 6):
        assert kept.add(look(number, "a", "steady"))
    kept.keep(2)
    assert kept.names() == ["00000004.json", "00000005.json"]


def test_a_window_is_looked_at_seldom_enough_to_see_something_new() -> None:
    looked, at = [], 0
    for rows in range(3000):
        if is_due(rows, at, 1000):
            looked, at = [*looked, rows], rows
            if rows >= 1000:
                break
    assert looked == [50, 100, 200, 400, 800, 1000]


def test_the_newest_windows_are_told_by_the_looks_alone(tmp_path: Path) -> None:
    kept = Windows(str(tmp_path / "people"))
    looks = [
        look(1, "a", "drift", version="2", is_closed=True),
        look(2, "b", "drift"),
        look(3, "b", "steady", is_closed=True),
        look(4, "c", "steady", is_closed=True),
        look(5, "d", "too_few"),
    ]
    assert all(kept.add(each) for each in looks)
    for most, told in ((5, [("t2", True), ("t4", False)]), (1, [("t4", False)])):
        found = windows.of_looks(kept, "3", most)
        assert [(each.at, each.drifted) for each in found] == told
