"""What lists say: the newest first, as many as were asked for, and that there is nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from components.registry import Entry
from pipelines.journal import RUNNING, SUCCEEDED, Result, RunFolder, Step
from scripts import run_watch
from scripts.backup import verified
from scripts.models import line
from scripts.platform import status
from scripts.runs import runs

IDS = ("wine-20261121-164231-a55c", "a-20261121-171259-fbce", "zero-20261120-164859-cda6")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of three runs whose folders were made in another order, as a restored one's are."""
    monkeypatch.setenv("KANARYA_HOME", str(tmp_path))
    for run_id in IDS:
        folder = tmp_path / "runs" / run_id
        folder.mkdir(parents=True)
        (folder / "arguments.json").write_text("{}")
        result = {"run_id": run_id, "outcome": "failed", "sentence": "", "version": None}
        (folder / "result.json").write_text(json.dumps(result))
    return tmp_path


def listed(*arguments: str) -> str:
    return CliRunner().invoke(runs, ["list", *arguments], catch_exceptions=False).output


@pytest.mark.parametrize(("asked", "count"), [((), 3), (("--limit", "2"), 2)])
def test_runs_are_listed_by_when_they_began(home: Path, asked: tuple[str, ...], count: int) -> None:
    found = [line.split()[0] for line in listed(*asked).splitlines()]
    assert found == [IDS[1], IDS[0], IDS[2]][:count]


def test_that_nothing_has_run_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KANARYA_HOME", str(tmp_path))
    assert listed().startswith("nothing has run yet; `kanarya run")
    assert json.loads(listed("--json")) == []


@pytest.fixture
def kolkata(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose clock is half an hour off from most others."""
    with monkeypatch.context() as there:
        there.setenv("TZ", "Asia/Kolkata")
        time.tzset()
        yield
    time.tzset()


def test_when_a_version_was_made_is_said_in_local_time_with_its_offset(kolkata: None) -> None:
    created = datetime(2026, 11, 21, 23, 25, 31, tzinfo=UTC)
    told = line(Entry("iris", "2", ("champion",), {}, "", created)).split()
    assert told == ["iris", "2", "champion", "2026-11-22", "04:55:31+05:30"]


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 backups are"), (1, "1 backup is"), (2, "2 backups are")]
)
def test_backups_that_were_read_are_counted(count: int, said: str) -> None:
    assert verified(count, 2_500_000) == f"{said} whole: 2.5 MB were read"


def watched(home: Path, *arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(runs, ["watch", *arguments], standalone_mode=False)
    return done.return_value if done.exception is None else 1, done.output + str(done.exception)


def test_a_run_of_this_machine_is_watched_to_its_end_with_the_exit_code_of_run(home: Path) -> None:
    folder = RunFolder(home / "runs" / "iris-20261121-180000-abcd")
    folder.create({"data_uri": "/data/iris.csv", "model_kind": "mlp", "target": "species"})
    folder.append(Step("ingest", RUNNING, 1.0))
    folder.log("ingest").write_text("noise\nnote: 150 rows\n")
    ended = Step("ingest", SUCCEEDED, 1.0, 3.5)
    folder.append(ended)
    folder.close(Result(folder.run_id, "rejected", "not better", None, 4.0, (ended,)))
    code, told = watched(home, folder.run_id)
    assert code == 3
    assert "mlp on iris.csv, predicting species" in told and "rejected: not better" in told
    assert "✓ ingest" in told and "150 rows" in told and "noise" not in told
    code, told = watched(home, folder.run_id, "--json")
    assert (code, json.loads(told.removesuffix("None"))["outcome"]) == (3, "rejected")


def test_a_run_that_nobody_carries_out_any_more_is_not_waited_for(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_watch, "PATIENCE_S", 0.0)
    (home / "runs" / IDS[0] / "result.json").unlink()
    assert "its process was killed; `kanarya runs restart`" in watched(home, IDS[0])[1]
    assert "there is no run 'none'" in watched(home, "none", "--on", "local")[1]
    assert "--on cluster" in watched(home, IDS[0], "--on", "local", "--host", "http://x")[1]


@pytest.mark.parametrize(
    ("switched", "queue", "watcher"),
    [
        ("1", "queue: down; `kanarya up` starts its workers", "watcher: down; `kanarya up` starts"),
        ("0", "queue: off, nothing is run on this machine (KANARYA_QUEUE=0)", "watcher: off (KAN"),
    ],
)
def test_what_was_switched_off_is_not_said_to_be_started_by_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, switched: str, queue: str, watcher: str
) -> None:
    monkeypatch.setenv("KANARYA_HOME", str(tmp_path))
    for variable in ("KANARYA_QUEUE", "KANARYA_WATCH"):
        monkeypatch.setenv(variable, switched)
    told = CliRunner().invoke(status).output
    assert queue in told and watcher in told
