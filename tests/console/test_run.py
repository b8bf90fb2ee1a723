"""One run as the console watches it, while it goes on and after every way to end."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import yaml

from console.data import steps
from console.data.gate import Interval, gate_of
from console.data.run import Monitored, Watch
from console.data.runs import Runs
from console.data.step_shown import TAIL_LINES
from pipelines import processes
from pipelines.attempts import put_aside
from pipelines.journal import FAILED, RUNNING, SUCCEEDED, Result, RunFolder, Step
from pipelines.run_table import RunTable
from serving.errors import NotFound

COMPILED = Path(__file__).resolve().parents[2] / "pipelines" / "compiled"
ARGUMENTS = {"name": "iris", "model_kind": "mlp", "data_uri": "a/iris.csv", "target": "species"}
RUN = "iris-20261121-120000-abcd"


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / RUN)
    folder.create(dict(ARGUMENTS))
    folder.own(processes.this())
    return folder


def watch(folder: RunFolder) -> Watch:
    return Watch(Runs(RunTable(folder.path.parent)), folder.run_id)


def say(folder: RunFolder, step: str, *lines: str) -> None:
    with folder.log(step).open("a", encoding="utf-8") as file:
        file.write("".join(f"{line}\n" for line in lines))


def statuses(run: Monitored) -> dict[str, str]:
    return {step.name: step.status for step in run.steps}


@pytest.mark.parametrize(
    ("pipeline", "known"), [("tabular", steps.TABLES), ("image", steps.PICTURES)]
)
def test_the_plan_has_every_step_of_the_compiled_pipeline(
    pipeline: str, known: tuple[str, ...]
) -> None:
    text = (COMPILED / f"{pipeline}.yaml").read_text(encoding="utf-8")
    graph = next(yaml.load_all(text, yaml.CSafeLoader))
    nested = [graph["root"], *graph["components"].values()]
    tasks = {
        task
        for part in nested
        for task, spec in part.get("dag", {}).get("tasks", {}).items()
        if "dag" not in graph["components"][spec["componentRef"]["name"]]
    }
    assert tasks - steps.SILENT == set(known)


def test_a_long_curve_is_there_whole_at_the_first_look(folder: RunFolder) -> None:
    epoch = '{{"epoch": {}, "values": {{"val_loss": 0.25, "val_rmse": 0.5}}}}\n'
    folder.curve.write_text("".join(epoch.format(n) for n in range(1, 40_001)))
    folder.close(Result(RUN, "failed", "it was killed"))
    seen = watch(folder).read()
    assert seen.over and len(seen.curve) == 40_000


def test_a_run_grows_step_by_step(folder: RunFolder) -> None:
    watched = watch(folder)
    first = watched.read()
    assert set(statuses(first).values()) == {"pending"}
    assert first.row.status == "running"
    assert not first.over

    folder.append(Step("ingest", RUNNING, 100.0))
    say(folder, "ingest", "note: 150 rows", "<script>alert(1)</script>")
    found = watched.read().step("ingest")
    assert found is not None
    assert (found.status, found.note, found.seconds) == ("running", "150 rows", None)
    assert found.tail[-1] == "<script>alert(1)</script>"

    folder.append(Step("ingest", SUCCEEDED, 100.0, 101.5))
    folder.append(Step("train", RUNNING, 102.0))
    folder.curve.write_text('{"epoch": 1, "values": {"train_loss": 0.5}}\n', encoding="utf-8")
    later = watched.read()
    assert later.newest == "train"
    assert [each.epoch for each in later.curve] == [1]
    ingest = later.step("ingest")
    assert ingest is not None
    assert ingest.seconds == pytest.approx(1.5)


def test_nothing_new_is_an_equal_reading(folder: RunFolder) -> None:
    watched = watch(folder)
    folder.append(Step("ingest", RUNNING, 100.0))
    say(folder, "ingest", "one")
    assert watched.read() == watched.read()


def test_a_failed_step_says_why_and_the_rest_is_skipped(folder: RunFolder) -> None:
    folder.append(Step("ingest", FAILED, 100.0, 101.0))
    say(folder, "ingest", "reading", "error: a.csv has no header; add one")
    folder.close(Result(RUN, "failed", "a.csv has no header; add one"))
    run = watch(folder).read()
    ingest = run.step("ingest")
    assert ingest is not None
    assert ingest.error == "a.csv has no header; add one"
    assert run.over
    assert set(statuses(run).values()) == {"failed", "skipped"}


def test_a_step_without_a_sentence_of_its_own_shows_its_last_line(folder: RunFolder) -> None:
    folder.append(Step("train", FAILED, 100.0, 101.0))
    say(folder, "train", "Traceback (most recent call last):", "MemoryError", "")
    train = watch(folder).read().step("train")
    assert train is not None
    assert train.error == "MemoryError"


@pytest.mark.parametrize(
    ("begun", "left_out"), [("reject", {"register", "deploy"}), ("register", {"reject"})]
)
def test_the_branch_that_was_not_taken_is_skipped(
    folder: RunFolder, begun: str, left_out: set[str]
) -> None:
    folder.append(Step(begun, RUNNING, 100.0))
    found = statuses(watch(folder).read())
    assert {name for name, status in found.items() if status == "skipped"} == left_out


def test_a_run_whose_process_was_killed_shows_where(folder: RunFolder) -> None:
    folder.append(Step("train", RUNNING, 100.0))
    process = json.loads((folder.path / "process.json").read_text(encoding="utf-8"))
    process["pid"] = _free_pid()
    (folder.path / "process.json").write_text(json.dumps(process), encoding="utf-8")
    run = watch(folder).read()
    assert run.row.status == "killed"
    assert statuses(run)["train"] == "failed"
    assert not run.over  # a worker may begin it again


def test_an_attempt_that_begins_again_begins_with_nothing(folder: RunFolder) -> None:
    watched = watch(folder)
    folder.append(Step("train", RUNNING, 100.0))
    folder.curve.write_text('{"epoch": 1, "values": {"train_loss": 0.5}}\n', encoding="utf-8")
    assert watched.read().curve
    put_aside(folder, killed=True, sentence="killed")
    (folder.path / "logs").mkdir()
    folder.own(processes.this())
    again = watched.read()
    assert (again.attempt, again.key, again.curve) == (2, f"{RUN}.2", ())
    assert set(statuses(again).values()) == {"pending"}


def test_of_a_long_log_the_end_is_kept(folder: RunFolder) -> None:
    watched = watch(folder)
    folder.append(Step("train", RUNNING, 100.0))
    watched.read()
    say(folder, "train", *(f"line {at}" for at in range(1000)))
    train = watched.read().step("train")
    assert train is not None
    assert (len(train.tail), train.said, train.tail[-1]) == (TAIL_LINES, 1000, "line 999")


@pytest.mark.parametrize("name", ["nope", "..", "", "../runs", "a/b"])
def test_a_run_that_is_none_is_not_found(folder: RunFolder, name: str) -> None:
    with pytest.raises(NotFound):
        Watch(Runs(RunTable(folder.path.parent)), name).read()


def test_the_gate_is_read_with_its_interval(tmp_path: Path) -> None:
    finding = {"outcome": "cannot_tell", "improvement": 0.0, "low": -0.1, "high": 0.1}
    finding |= {"alpha": 0.05, "rows": 30}
    check = {"name": "champion", "metric": "accuracy", "value": 0.9, "limit": 0.86}
    check |= {"passed": True, "sentence": "not worse", "finding": finding}
    policy = {"champion": {"margin": 0.04, "require": "non_inferior"}}
    _decide(tmp_path, {"promote": True, "checks": [check], "policy": policy})
    gate = gate_of(tmp_path)
    assert gate is not None
    assert gate.passed
    interval = gate.checks[0].interval
    assert interval == Interval(0.0, -0.1, 0.1, "cannot_tell", 0.05, 30, -0.04)
    low, high = interval.span
    assert low < -0.1 < 0.1 < high


@pytest.mark.parametrize("record", [[], {}, {"promote": True, "checks": [{}]}, "torn"])
def test_a_damaged_decision_is_none(tmp_path: Path, record: object) -> None:
    _decide(tmp_path, record)
    assert gate_of(tmp_path) is None
    assert gate_of(tmp_path / "nothing") is None


def _decide(artifacts: Path, record: object) -> None:
    place = artifacts / "tabular-1" / "gate" / "decision"
    place.mkdir(parents=True)
    (place / "decision.json").write_text(json.dumps(record), encoding="utf-8")


def _free_pid() -> int:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return child
