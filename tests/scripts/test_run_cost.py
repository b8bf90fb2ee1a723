"""What a run took and would cost, of steps that are written down by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner
from click.testing import Result as Said

from pipelines import costs
from pipelines.journal import RUNNING, SUCCEEDED, Result, RunFolder, Step
from scripts.runs import runs
from serving.errors import UsageError

INGEST = Step("ingest", SUCCEEDED, 1000.0, 1360.0)
TRAIN = Step("train", SUCCEEDED, 1400.0, 3200.0)
GOES_ON = Step("train", RUNNING, 1400.0)


@pytest.mark.parametrize(
    ("steps", "now", "whole_s", "parts"),
    [
        ([], 0.0, None, {}),
        ([INGEST, TRAIN], 0.0, None, {"ingest": 0.2, "train": 1.0}),
        ([INGEST, TRAIN], 0.0, 2340.0, {"ingest": 0.2, "train": 1.0, "between steps": 0.1}),
        ([INGEST, GOES_ON], 2300.0, None, {"ingest": 0.2, "train": 0.5}),
        ([INGEST, GOES_ON], 1300.0, None, {"ingest": 0.2, "train": 0.0}),
        ([INGEST], 0.0, 100.0, {"ingest": 0.2, "between steps": 0.0}),
    ],
    ids=["nothing", "pods", "one machine", "goes on", "a clock that jumped", "a clock set back"],
)
def test_a_run_costs_its_seconds_at_the_price_of_an_hour(
    steps: Sequence[Step], now: float, whole_s: float | None, parts: dict[str, float]
) -> None:
    found = costs.estimate(steps, 2.0, now, whole_s)
    assert {part.name: pytest.approx(part.cost) for part in found.parts} == parts
    assert found.cost == pytest.approx(sum(parts.values()))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A run of this machine whose steps have ended, and whose training was watched."""
    monkeypatch.setenv("KANARYA_HOME", str(tmp_path))
    made = RunFolder(tmp_path / "runs" / "iris-1")
    made.create({"name": "iris"})
    for step in (INGEST, TRAIN):
        made.append(step)
    told = {"step": "train", "seconds": 1800.0, "cpu_s": 2700.0, "memory_mb": 512.4}
    made.usage.write_text(json.dumps(told) + '\n{"step": "tu', encoding="utf-8")
    return made


def told(*arguments: str) -> Said:
    return CliRunner().invoke(runs, arguments, catch_exceptions=True)


def test_a_run_that_ended_shows_times_parts_and_what_was_used(folder: RunFolder) -> None:
    folder.close(Result("iris-1", "promoted", "it is the first", "1", 2400.0, folder.steps()))
    shown = told("show", "iris-1").output.splitlines()
    assert shown[1:4] == [
        "  ingest          succeeded    360.0 s   15%",
        "  train           succeeded   1800.0 s   75%   2700.0 s of processors, 512 MB at most",
        "  in all                      2400.0 s, 240.0 s of it between steps",
    ]
    record = json.loads(told("show", "iris-1", "--json").output)
    assert [each["step"] for each in record["used"]] == ["train"]


def test_the_whole_time_of_this_machine_is_charged(folder: RunFolder) -> None:
    folder.close(Result("iris-1", "promoted", "it is the first", "1", 2400.0, folder.steps()))
    said = told("cost", "iris-1", "--price-hour", "3").output.splitlines()
    assert said[-2:] == [
        "  between steps       240.0 s       0.2000",
        "  in all             2400.0 s       2.0000",
    ]
    record = json.loads(told("cost", "iris-1", "--price-hour", "3", "--json").output)
    assert (record["cost"], record["seconds"]) == (pytest.approx(2.0), pytest.approx(2400.0))


def test_a_run_that_was_killed_costs_what_its_steps_took(folder: RunFolder) -> None:
    folder.append(Step("evaluate", RUNNING, 3300.0))
    said = told("cost", "iris-1", "--price-hour", "3").output.splitlines()
    assert said[-1] == "  in all             2160.0 s       1.8000"


@pytest.mark.parametrize("price", ["-1", "nan", "inf"])
def test_a_price_that_is_none_is_refused(folder: RunFolder, price: str) -> None:
    error = told("cost", "iris-1", "--price-hour", price).exception
    assert isinstance(error, UsageError)
    assert str(error) == f"--price-hour {price}: give what an hour costs, 0 or more"
