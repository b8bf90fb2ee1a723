"""Runs as a table: filtered, sorted, paged, read again only where something has changed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from components.tracked_runs import TrackedRun
from pipelines import asked as asking
from pipelines import run_times, run_trash
from pipelines.asked import Asked, Ticket
from pipelines.journal import RUNNING, WAITING, Result, RunFolder, Step
from pipelines.processes import Process, this
from pipelines.run_row import mark
from pipelines.run_table import Query, RunTable
from pipelines.spec import parse
from scripts.bench.synthetic_runs import BEGAN, STEPS, begun, ended, scores
from serving.errors import UsageError
from serving.settings import Settings


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> RunTable:
    root = tmp_path_factory.mktemp("runs")
    for number in range(60):
        ended(root, number)
    table = RunTable(root)
    assert table.refresh()
    return table


def numbers(table: RunTable, query: Query) -> list[int]:
    return [int(row.version) for row in table.page(query).rows]


def test_the_newest_come_first_page_by_page(many: RunTable) -> None:
    page = many.page(Query(offset=10, limit=5))
    assert (page.total, page.offset) == (60, 10)
    assert [row.started for row in page.rows] == [BEGAN + 60 * n for n in range(49, 44, -1)]
    assert many.page(Query(offset=60)).rows == ()


FILTERS = [
    (Query(models=frozenset({"model-3"})), lambda n: n % 7 == 3),
    (Query(models=frozenset({"model-3", "model-4"})), lambda n: n % 7 in (3, 4)),
    (Query(data=frozenset({"table-1.csv"})), lambda n: n % 3 == 1),
    (Query(kinds=frozenset({"mlp"})), lambda n: n % 2 == 1),
    (Query(statuses=frozenset({"rejected", "failed"})), lambda n: n % 5 in (2, 4)),
    (Query(text="FOREST Table-2"), lambda n: n % 2 == 0 and n % 3 == 2),
    (Query(text="NO17x"), lambda n: n == 17),
    (Query(text="no such words"), lambda n: False),
    (Query(models=frozenset({"model-0"}), text="mlp"), lambda n: n % 7 == 0 and n % 2 == 1),
]


@pytest.mark.parametrize(("query", "wanted"), FILTERS)
def test_filters_find_what_fits_all_of_them(many: RunTable, query: Query, wanted: object) -> None:
    assert callable(wanted)
    assert sorted(numbers(many, query)) == [n for n in range(60) if wanted(n)]


@pytest.mark.parametrize("sort", ["accuracy", "seconds", "model", "started", "log_loss"])
@pytest.mark.parametrize("descending", [True, False])
def test_any_metric_and_any_column_sorts_and_what_has_none_comes_last(
    many: RunTable, sort: str, descending: bool
) -> None:
    rows = many.page(Query(sort=sort, descending=descending, limit=100)).rows
    values = [row.value(sort) for row in rows]
    told = [value for value in values if value is not None]
    assert values == [*told, *[None] * (60 - len(told))]
    assert told == sorted(told, reverse=descending)
    if sort == "accuracy":
        assert len(told) == 48, "those that failed have none"


def test_an_unknown_column_sorts_nothing_and_loses_nothing(many: RunTable) -> None:
    assert len(many.page(Query(sort="beauty", limit=100)).rows) == 60


def test_choices_say_what_there_is_to_choose_from(many: RunTable) -> None:
    found = many.choices()
    assert sum(found["models"].values()) == 60
    assert list(found["kinds"]) == ["mlp", "random_forest"]
    assert found["metrics"] == dict.fromkeys(("accuracy", "brier", "f1_macro", "log_loss"), 48)


def status_of(table: RunTable, folder: RunFolder) -> tuple[str, str]:
    table.refresh()
    row = table.row(folder.run_id)
    assert row is not None
    return row.status, row.step


def test_a_run_is_told_as_it_stands_from_the_queue_to_its_end(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "pass"]) as process:
        gone = Process(process.pid, 1.0)
    table = RunTable(tmp_path)
    folder = begun(tmp_path, 1)
    spec = parse({"name": "a", "data": {"uri": "/a.csv", "target": "b"}}, "test")
    asking.write(folder, Asked(spec), Ticket(0, 1.0))
    assert status_of(table, folder) == ("queued", "")
    folder.own(this())
    assert status_of(table, folder) == ("running", "")
    folder.append(Step("train", RUNNING, 1.0))
    assert status_of(table, folder) == ("running", "train")
    folder.append(Step("evaluate", WAITING, 2.0))
    assert status_of(table, folder) == ("waiting", "evaluate")
    folder.own(gone)
    assert status_of(table, folder) == ("killed", "evaluate")
    scores(folder, accuracy=0.9)
    folder.close(Result(folder.run_id, "failed", "why", metrics=folder.metrics()))
    assert status_of(table, folder) == ("failed", "")
    row = table.row(folder.run_id)
    assert row and row.metrics == {"accuracy": 0.9} and row.ended


def test_what_has_ended_is_never_read_again_and_the_rest_only_where_it_changed(
    tmp_path: Path,
) -> None:
    table = RunTable(tmp_path)
    done, killed = ended(tmp_path, 1), begun(tmp_path, 2)
    table.refresh()
    before = {each.run_id: table.row(each.run_id) for each in (done, killed)}
    (done.path / "result.json").write_text("{}")
    table.refresh()
    assert all(table.row(run_id) is row for run_id, row in before.items())
    was = mark(killed)
    killed.append(Step("train", RUNNING, 1.0))
    assert mark(killed) != was
    assert status_of(table, killed) == ("killed", "train")


def test_new_runs_appear_and_deleted_ones_go(tmp_path: Path) -> None:
    settings = Settings.from_env({"KANARYA_HOME": str(tmp_path)})
    table, root = RunTable.of(settings), tmp_path / "runs"
    assert table.refresh() and len(table) == 0
    first = ended(root, 1)
    table.refresh()
    second = ended(root, 2)
    (root / "no run at all").mkdir()
    (root / "a file").touch()
    table.refresh()
    assert len(table) == 2
    run_trash.delete(settings, first.run_id)
    table.refresh()
    assert [row.run_id for row in table.page(Query()).rows] == [second.run_id]
    assert run_trash.empty(settings, older_s=60) == []
    run_trash.restore(settings, first.run_id)
    table.refresh()
    assert len(table) == 2
    run_trash.delete(settings, first.run_id)
    assert run_trash.empty(settings, older_s=0) == [first.run_id]
    run_trash.delete(settings, second.run_id, keep_s=60)
    assert run_trash.empty(settings, older_s=0) == [], "whoever deleted it said for how long"
    with pytest.raises(UsageError, match="not in the trash"):
        run_trash.restore(settings, first.run_id)


def test_the_newest_are_read_first_where_time_is_short(tmp_path: Path) -> None:
    for number in range(5):
        ended(tmp_path, number)
    table = RunTable(tmp_path)
    assert not table.refresh(limit_s=0)
    assert numbers(table, Query()) == [4]
    assert table.refresh()
    assert len(table) == 5


DAMAGED = [
    ("journal.jsonl", b"\xff\n[3]\n"),
    ("result.json", b'{"steps": [{"name": 3}], "outcome": "promoted"}'),
    ("result.json", b'{"steps": 7}'),
    ("result.json", b'{"metrics": {"accuracy": "much"}}'),
]


@pytest.mark.parametrize(("name", "data"), DAMAGED)
def test_a_damaged_record_is_a_row_that_says_so(tmp_path: Path, name: str, data: bytes) -> None:
    folder = begun(tmp_path, 1)
    (folder.path / name).write_bytes(data)
    assert status_of(RunTable(tmp_path), folder) == ("damaged", "")


BROKEN = ["", "{", "[]", '{"name": 3, "data_uri": 7}', "\x00\xff"]


@pytest.mark.parametrize("text", BROKEN)
def test_broken_records_break_no_table(tmp_path: Path, text: str) -> None:
    folder = begun(tmp_path, 1)
    (folder.path / "arguments.json").write_bytes(text.encode("latin-1"))
    (folder.path / "process.json").write_bytes(text.encode("latin-1"))
    good = ended(tmp_path, 2)
    (good.path / "journal.jsonl").write_bytes(b"\xff\x00")
    table = RunTable(tmp_path)
    assert table.refresh()
    assert good.run_id in {row.run_id for row in table.page(Query()).rows}


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "/etc", "a/b"])
def test_names_that_lead_elsewhere_are_no_runs(tmp_path: Path, name: str) -> None:
    settings = Settings.from_env({"KANARYA_HOME": str(tmp_path / "home")})
    assert RunTable.of(settings).row(name) is None
    for act in (run_trash.delete, run_trash.restore):
        with pytest.raises(UsageError):
            act(settings, name)


def test_a_run_that_goes_on_is_not_deleted(tmp_path: Path) -> None:
    settings = Settings.from_env({"KANARYA_HOME": str(tmp_path)})
    folder = begun(tmp_path / "runs", 1)
    folder.own(this())
    with pytest.raises(UsageError, match="is running; cancel it first"):
        run_trash.delete(settings, folder.run_id)


def test_times_of_steps_and_runs_an_hour_are_told_of_what_has_ended(tmp_path: Path) -> None:
    folders = [ended(tmp_path, number) for number in range(3)]
    begun(tmp_path, 3)
    table = RunTable(tmp_path)
    table.refresh()
    times = run_times.step_times(folder.path for folder in folders)
    assert [each.step for each in times] == list(STEPS)
    assert times[0] == run_times.StepTime("ingest", 3, 1.0, 1.0)
    rows = table.page(Query()).rows
    assert run_times.ended_per_hour(rows, BEGAN + 600, hours=0.5) == 6.0
    assert run_times.ended_per_hour(rows, BEGAN + 7200) == 0.0


def test_runs_of_other_machines_are_shown_beside_those_that_are_here(tmp_path: Path) -> None:
    here = ended(tmp_path / "runs", 1)
    table = RunTable(tmp_path / "runs")
    table.refresh()
    keys = (here.run_id, f"{here.run_id}.2", "far-1")
    known = ("wine", "mlp", "tabular", "finished", BEGAN + 999, BEGAN + 1009, "")
    table.take_in(TrackedRun(key, "abc", *known, {"accuracy": 0.5}) for key in keys)
    rows = table.page(Query()).rows
    assert [row.run_id for row in rows] == ["far-1", here.run_id]
    assert (rows[0].tracked, rows[0].seconds, rows[1].tracked) == ("abc", 10.0, "")
    assert table.row("far-1") == rows[0]
    assert table.choices()["models"] == {"model-1": 1, "wine": 1}
    run_trash.delete(Settings.from_env({"KANARYA_HOME": str(tmp_path)}), here.run_id)
    table.refresh()
    assert [row.run_id for row in table.page(Query()).rows] == ["far-1"]


def test_versions_are_sorted_as_numbers_and_what_is_no_number_comes_last(tmp_path: Path) -> None:
    root, table = tmp_path / "runs", RunTable(tmp_path / "runs")
    folders = [ended(root, number) for number in (2, 9, 10)]
    written = json.loads((folders[0].path / "result.json").read_text())
    written["metrics"]["accuracy"] = float("nan")
    (folders[0].path / "result.json").write_text(json.dumps(written))
    table.refresh()
    by_version = table.page(Query(sort="version", descending=False)).rows
    assert [row.version for row in by_version] == ["2", "9", "10"]
    for descending in (True, False):
        rows = table.page(Query(sort="accuracy", descending=descending)).rows
        assert {row.version for row in rows[-2:]} == {"2", "9"}  # run 9 failed and has no metrics


def test_the_pulse_changes_with_every_row(tmp_path: Path) -> None:
    table = RunTable(tmp_path / "runs")
    seen = [table.pulse()]

    def changed() -> bool:
        table.refresh()
        seen.append(table.pulse())
        return seen[-1] != seen[-2]

    folder = begun(tmp_path / "runs", 1)
    assert changed()
    assert not changed()
    folder.append(Step("train", RUNNING, 1_790_000_000.0))
    assert changed()
    folder.close(Result(folder.run_id, "failed", "it broke"))
    assert changed()
    assert not changed()
