"""Runs side by side."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from console.data.compare import Line, Measure, compare, wanted
from console.data.runs import Runs
from pipelines.run_table import RunTable
from scripts.bench import synthetic_runs
from serving.errors import NotFound, UsageError
from serving.settings import Settings

NAN = float("nan")


@pytest.mark.parametrize(
    ("name", "values", "best"),
    [
        ("accuracy", (0.9, 0.95, None), {1}),
        ("log_loss", (0.2, 0.1, 0.1), {1, 2}),
        ("ece", (0.2, NAN), set()),
        ("roc_auc", (0.5, 0.5), set()),
        ("rmse", (None, None), set()),
    ],
)
def test_the_best_is_marked_by_which_way_a_metric_is_better(
    name: str, values: tuple[float | None, ...], best: set[int]
) -> None:
    assert Measure(name, values).best == best


def test_a_difference_is_to_the_first_run() -> None:
    measure = Measure("accuracy", (0.5, 0.75, None))
    assert [measure.difference(place) for place in (1, 2)] == [0.25, None]
    assert Line("config", "model.kind", ("mlp", None)).differs
    assert not Line("config", "model.kind", ("mlp", "mlp")).differs


@pytest.mark.parametrize("text", ["", "a", "a,a", " ,a,", ",".join("abcdefghi")])
def test_too_few_or_too_many_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="compare 2 to 8 runs"):
        wanted(text)


def test_curves_and_metrics_stand_side_by_side_and_what_is_not_known_is_said(
    tmp_path: Path,
) -> None:
    settings = Settings.from_env({"KANARYA_HOME": str(tmp_path)})
    folders = [synthetic_runs.ended(tmp_path / "runs", number) for number in (1, 2)]
    epochs = [{"epoch": n, "values": {"val_loss": 1 / n}} for n in (1, 2)]
    folders[1].curve.write_text("\n".join(json.dumps(epoch) for epoch in epochs))
    runs = Runs(RunTable(tmp_path / "runs"))
    found = compare(settings, runs, [folder.run_id for folder in folders])
    assert [row.run_id for row in found.rows] == [folder.run_id for folder in folders]
    assert [(c.place, c.measure, c.points) for c in found.curves] == [
        (1, "val_loss", ((1, 1.0), (2, 0.5)))
    ]
    assert {measure.name for measure in found.measures} >= {"accuracy", "log_loss"}
    assert len(found.notes) == 2
    assert "did not record what it came from" in found.notes[0]
    with pytest.raises(NotFound, match="no run '../runs'"):
        compare(settings, runs, [folders[0].run_id, "../runs"])
