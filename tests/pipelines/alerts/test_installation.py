"""What is known of a home: from its files, as they are written by whoever writes them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipelines.alerts import gauges, installation, looking
from pipelines.alerts.deciding import Measured, Unknown
from pipelines.alerts.outbox import Outbox, opened, path, raise_
from pipelines.alerts.receivers import ADDRESSES, configured
from pipelines.alerts.table import BY_NAME
from pipelines.backup.folder import BackupFolder
from pipelines.backup.make import make
from pipelines.journal import Result, RunFolder
from pipelines.processes import Process, this
from pipelines.retrain import standing
from pipelines.retrain.standing import Standing
from scripts.bench.synthetic_runs import BEGAN, begun
from serving.local import record
from serving.local.record import Platform
from serving.settings import Settings
from tests.pipelines.alerts.conftest import NOW
from tests.pipelines.alerts.test_outbox import one

Source = Callable[[Settings, Outbox, datetime], Iterator[Measured | Unknown]]


@pytest.fixture
def gone() -> Process:
    """A process that was there and is not there any more."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return Process(child.pid, 1.0)


def found(source: Source, settings: Settings, now: datetime = NOW) -> list[Measured]:
    with opened(settings) as outbox:
        seen = [*source(settings, outbox, now)]
    assert all(isinstance(each, Measured) for each in seen)
    return [each for each in seen if isinstance(each, Measured)]


def closed(folder: RunFolder, outcome: str) -> None:
    folder.close(Result(folder.run_id, outcome, f"It was {outcome}."))


RUNS = {
    "failed twice": (["promoted", "failed", "failed"], 2.0),
    "went well again": (["failed", "failed", "promoted"], 0.0),
    "was cancelled in between": (["failed", "cancelled", "failed"], 2.0),
    "was rejected": (["failed", "rejected"], 0.0),
    "none": ([], None),
}


@pytest.mark.parametrize("story", RUNS)
def test_runs_that_failed_one_after_the_other_are_counted(settings: Settings, story: str) -> None:
    outcomes, expected = RUNS[story]
    for number, outcome in enumerate(outcomes):
        closed(begun(settings.home / "runs", number, "iris"), outcome)
        closed(begun(settings.home / "runs", number, "other-model"), "promoted")
    (settings.home / "runs").mkdir(parents=True, exist_ok=True)
    (settings.home / "runs" / "no-run").mkdir()
    now = datetime.fromtimestamp(BEGAN + 3600, UTC)
    seen = {each.labels["model"]: each for each in found(installation.runs, settings, now)}
    iris = seen.get("iris")
    assert (iris and iris.value) == expected
    if expected:
        assert iris and iris.detail.endswith(": It was failed.")
    later = {
        e.labels["model"]: e for e in found(installation.runs, settings, NOW.replace(year=2030))
    }
    assert not any(each.value for each in later.values())


def window(settings: Settings, **values: object) -> None:
    file = settings.home / "monitor" / "iris" / "windows.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    known = {"model": "iris", "version": "3", "rows": 1000, "columns": []}
    known |= {"at": NOW.isoformat(), "opened_at": NOW.isoformat()}
    with file.open("a") as lines:
        lines.write(json.dumps({**known, **values}) + "\n")


def test_the_newest_window_says_whether_a_model_has_drifted(settings: Settings) -> None:
    assert found(installation.windows, settings) == []
    window(settings, drifted=True, sentence="age: median 34 → 51")
    (seen,) = found(installation.windows, settings)
    assert (seen.value, seen.labels) == (1.0, {"model": "iris", "version": "3"})
    assert seen.detail == "age: median 34 → 51."
    assert found(installation.windows, settings, NOW + timedelta(days=8)) == []
    window(settings, drifted=False, sentence="as in training")
    with (settings.home / "monitor" / "iris" / "windows.jsonl").open("a") as torn:
        torn.write('{"at": "2026-')
    assert [each.value for each in found(installation.windows, settings)] == [0.0]


@pytest.mark.parametrize(
    ("verdict", "cause", "told"),
    [
        ("spent", "drift", True),
        ("pointless", "live", True),
        ("pointless", "schedule", False),
        ("retrain", "drift", False),
        ("cooling", "drift", False),
    ],
)
def test_a_model_that_asks_in_vain_to_be_trained_anew_is_told(
    settings: Settings, verdict: str, cause: str, told: bool
) -> None:
    since = (NOW - timedelta(hours=3)).isoformat()
    sentence = "2 of the last 5 windows drifted; but 2 of 2 runs of this week were made"
    standing.write(settings, Standing("iris", "3", verdict, cause, sentence, since))
    seen = found(installation.retraining, settings)
    assert [(each.value, each.labels) for each in seen] == [(10_800.0, {"model": "iris"})] * told
    assert all(each.detail == f"{sentence}." for each in seen)


def test_what_was_started_and_is_not_there_is_down(settings: Settings, gone: Process) -> None:
    services = record.services(settings)
    assert found(installation.processes, settings) == []
    (services / "console.json").write_text(json.dumps({**asdict(gone), "url": "http://x"}))
    (services / "workers.json").write_text(json.dumps(asdict(this())))
    record.write(settings, Platform(gone.pid, gone.create_time, 1, 2, "now"))
    down = {each.labels["process"]: each.value for each in found(installation.processes, settings)}
    assert down == {"the platform": 1.0, "the queue's supervisor": 0.0, "the console": 1.0}


def test_the_age_of_the_newest_backup_is_known_wherever_it_is(
    settings: Settings, tmp_path: Path
) -> None:
    settings.home.mkdir()
    assert found(installation.backup, settings) == []
    make(settings, BackupFolder(tmp_path / "there"), moment=NOW - timedelta(days=8))
    (seen,) = found(installation.backup, settings)
    assert seen.value == 8 * 86_400 and str(tmp_path / "there") in seen.detail
    assert BY_NAME["KanaryaBackupOld"].holds(seen.value)


def test_disk_and_what_waits_are_known(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ADDRESSES, "https://hooks.example.com/a")
    (told,) = configured()
    raise_(settings, one())
    with opened(settings) as outbox:
        outbox.send_out([told.name, "webhook:nobody.example.com#000000"], NOW.timestamp())
        outbox.failed(told.name, one().id, "it answers 500", 0.0)
    # Who is told no more is not waited for.
    (waits,) = found(installation.undelivered, settings, NOW + timedelta(minutes=20))
    assert (waits.value, waits.detail) == (1200.0, "It was: it answers 500.")
    (disk,) = found(installation.disk, settings)
    assert disk.value > 0


def test_a_look_tells_what_is_wrong_and_writes_gauges(settings: Settings) -> None:
    window(settings, drifted=True, sentence="age: median 34 → 51")
    first, again = looking.look(settings, NOW), looking.look(settings, NOW + timedelta(minutes=1))
    assert [each.rule for each in first.alerts] == ["KanaryaDrift"]
    assert "age: median 34 → 51" in first.alerts[0].sentence
    assert again.alerts == ()
    page = path(settings).with_name(gauges.NAME).read_text()
    assert 'kanarya_window_drifted{model="iris",version="3"} 1.0' in page
    assert all(f"# TYPE {signal.gauge} gauge" in page for signal in gauges.SIGNALS)


def test_a_source_that_fails_leaves_its_conditions_and_the_others(settings: Settings) -> None:
    window(settings, drifted=True, sentence="")
    looking.look(settings, NOW)
    file = settings.home / "monitor" / "iris" / "windows.jsonl"
    file.unlink()
    file.mkdir()  # reading it fails
    later = looking.look(settings, NOW + timedelta(hours=1))
    assert [each.rule for each in later.conditions] == ["KanaryaDrift"]
    assert later.alerts == ()
