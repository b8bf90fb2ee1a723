"""What a training takes, and the sentence where it cannot be had."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from components import room
from components.models import parse
from components.table_schema import TableColumn, TableSchema
from components.train import step
from serving.errors import UsageError
from tests.components import tables
from tests.components.tables import Table, Tracker

MILLIONS = TableSchema(
    (*(TableColumn(f"c{i}", "number", 0, 9) for i in range(20)), TableColumn("y", "text", 0, 2)),
    "y",
    "text",
    5_000_000,
    "0" * 64,
    "rows.csv",
)


@pytest.mark.parametrize(
    ("kind", "asked", "gigabytes", "refused"),
    [
        ("svm", {}, 64, "svm has 5,000,000 rows to train on and takes 30,000"),
        ("svm", {"max_rows": 5_000_000}, 64, None),
        (
            "random_forest",
            {},
            16,
            "may take 53.8 GB of memory for 5,000,000 rows of 20 columns",
        ),
        ("random_forest", {}, 64, None),
        ("random_forest", {"max_depth": 12}, 16, None),
        ("random_forest", {"min_samples_leaf": 50}, 16, None),
        ("hist_gradient_boosting", {}, 2, "leave out columns, give it fewer rows or more memory"),
        ("hist_gradient_boosting", {}, 16, None),
        ("logistic_regression", {"solver": "lbfgs"}, 2, "choose a kind that learns by epochs"),
    ],
)
def test_more_than_a_kind_or_the_machine_can_take_is_refused_in_a_sentence(
    kind: str, asked: dict[str, object], gigabytes: float, refused: str | None
) -> None:
    settings = parse(kind, asked).model_dump()
    there = int(gigabytes * 1e9)
    if refused is None:
        room.refuse_too_much(kind, settings, MILLIONS, there)
        return
    with pytest.raises(UsageError) as error:
        room.refuse_too_much(kind, settings, MILLIONS, there)
    assert refused in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("kind", "asked", "streamed"),
    [
        ("linear_svm", {}, True),
        ("logistic_regression", {}, True),
        ("logistic_regression", {"C": 2}, False),
        ("random_forest", {}, False),
    ],
)
def test_large_tables_are_streamed_by_kinds_that_learn_by_epochs(
    kind: str, asked: dict[str, object], streamed: bool
) -> None:
    assert room.is_streamed(kind, asked, "tabular", MILLIONS) is streamed
    assert not room.is_streamed(kind, asked, "tabular", MILLIONS, 10**12)


@pytest.mark.parametrize(
    ("files", "free"),
    [
        ({}, None),
        ({"proc/meminfo": "MemTotal: 9 kB\nMemAvailable:   4 kB\n"}, 4096),
        (
            {
                "proc/meminfo": "MemAvailable: 4 kB\n",
                "sys/fs/cgroup/memory.max": "1000\n",
                "sys/fs/cgroup/memory.current": "700\n",
                "sys/fs/cgroup/memory.stat": "anon 500\ninactive_file 150\n",
            },
            450,
        ),
        (
            {
                "proc/meminfo": "MemAvailable: 4 kB\n",
                "sys/fs/cgroup/memory.max": "max\n",
                "sys/fs/cgroup/memory.current": "700\n",
                "sys/fs/cgroup/memory.stat": "",
            },
            4096,
        ),
    ],
)
def test_free_memory_is_that_of_the_machine_or_of_the_container(
    tmp_path: Path, files: dict[str, str], free: int | None
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert room.free(tmp_path) == free


@pytest.mark.parametrize(
    ("hidden", "refused"),
    [
        ([64], None),
        ([4096], None),
        ([4096] * 8, "mlp has 117,563,394 weights, which may take 4.7 GB of memory, and 2.0 GB"),
    ],
    ids=str,
)
def test_a_network_wider_than_the_machine_is_refused_in_a_sentence(
    hidden: list[int], refused: str | None
) -> None:
    settings = parse("mlp", {"hidden_layer_sizes": hidden}).model_dump()
    if refused is None:
        room.refuse_wide("mlp", settings, MILLIONS, 2_000_000_000)
        return
    with pytest.raises(UsageError) as error:
        room.refuse_wide("mlp", settings, MILLIONS, 2_000_000_000)
    assert refused in str(error.value)
    assert "lower hidden_layer_sizes" in str(error.value)


def test_a_training_that_is_refused_opens_no_run(tmp_path: Path) -> None:
    frame = pl.DataFrame({"x": range(20), "y": ["a", "b"] * 10})
    part, tracker = tables.write(tmp_path / "rows", Table(frame, "y")), Tracker()
    with pytest.raises(UsageError, match="svm has 20 rows to train on and takes 10"):
        step.run(part, tables.request("svm", max_rows=10), tmp_path / "model", tracker)
    assert not tracker.runs
