"""What a run took, used and would cost, from the files that its steps write."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from console.data.run import Watch
from console.data.run_cost import Part, estimate_of, parts, price_of
from console.data.runs import Runs
from pipelines.journal import RunFolder
from pipelines.run_usage import Look, Total, Usage
from scripts.bench import synthetic_runs
from serving.settings import Settings

NOW = 2e9
LOOK = {"step": "train", "at": 5.0, "values": {"cpu_cores": 1.5}}
TOTAL = {"step": "train", "seconds": 2.0, "cpu_s": 3.0, "memory_mb": 512.4}


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return synthetic_runs.ended(tmp_path / "runs", 1)


def watch(folder: RunFolder) -> Watch:
    settings = Settings.from_env({"KANARYA_HOME": str(folder.path.parents[1])})
    return Watch(Runs.of(settings), folder.run_id)


def test_what_a_step_uses_is_there_as_it_goes_on(folder: RunFolder) -> None:
    seen = watch(folder)
    assert seen.read().usage == Usage()
    with folder.usage.open("a", encoding="utf-8") as file:
        file.write(json.dumps(LOOK) + "\nno json\n" + json.dumps({**TOTAL, "cpu_s": 1.0}) + "\n")
        file.flush()
        assert seen.read().usage.looks == (Look("train", 5.0, {"cpu_cores": 1.5}),)
        file.write(json.dumps(TOTAL) + "\n")
    found = seen.read().usage
    assert found.totals == (Total("train", 2.0, 3.0, 512.4),)  # of the last try
    assert len(found.looks) == 1


def test_a_part_has_its_time_what_it_used_and_its_cost(folder: RunFolder) -> None:
    folder.usage.write_text(json.dumps(TOTAL) + "\n")
    run = watch(folder).read()
    free = {part.name: part for part in parts(run, None, NOW)}
    assert free["ingest"] == Part("ingest", 1.0)
    assert free["train"] == Part("train", 1.0, Total("train", 2.0, 3.0, 512.4))
    paid = parts(run, 3600.0, NOW)
    assert sum(part.cost or 0 for part in paid) == pytest.approx(run.row.seconds)
    assert paid[-1].name == "between steps"
    assert estimate_of(run, 3600.0, NOW).cost == pytest.approx(run.row.seconds)


def test_a_run_that_goes_on_costs_more_every_second(tmp_path: Path) -> None:
    folder = synthetic_runs.begun(tmp_path / "runs", 1)
    began = json.dumps({"name": "ingest", "status": "running", "started": NOW - 60.0})
    (folder.path / "journal.jsonl").write_text(began + "\n")
    run = watch(folder).read()
    assert not run.over
    assert [part.seconds for part in parts(run, None, NOW)] == [60.0]
    assert [part.seconds for part in parts(run, None, NOW + 1)] == [61.0]


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("1.5", 1.5),
        ("", None),
        ("0", None),
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("a", None),
    ],
)
def test_what_is_no_price_is_none(text: str, price: float | None) -> None:
    assert price_of(text) == price
