"""Lines as they are drawn: grouped by plot, no longer than a screen, no spike lost."""

from __future__ import annotations

import random

import pytest

from console.data import plots
from pipelines.run_events import Measured
from pipelines.run_usage import Look


def test_training_and_validation_of_a_metric_share_a_plot_and_loss_comes_first() -> None:
    curve = [
        Measured(1, {"val_accuracy": 0.5, "train_loss": 2.0, "val_loss": 3.0}),
        Measured(2, {"val_accuracy": 0.6, "train_loss": 1.0}),
    ]
    found = plots.curves(curve)
    assert {metric: dict(lines) for metric, lines in found.items()} == {
        "loss": {"train_loss": [(1, 2.0), (2, 1.0)], "val_loss": [(1, 3.0)]},
        "accuracy": {"val_accuracy": [(1, 0.5), (2, 0.6)]},
    }
    assert list(found) == ["loss", "accuracy"]


def test_what_a_run_uses_has_a_line_for_each_step_and_gpus_come_last() -> None:
    looks = [
        Look("train", 1.0, {"gpu0_percent": 90.0, "memory_megabytes": 5.0}),
        Look("tune", 2.0, {"cpu_cores": 2.0, "something_else": 1.0}),
    ]
    found = plots.usage(looks)
    assert list(found) == ["cpu_cores", "memory_megabytes", "gpu0_percent"]
    assert found["cpu_cores"] == {"tune": [(2000.0, 2.0)]}


@pytest.mark.parametrize("count", [0, 1, 64, 65, 127, 128, 129, 1_000, 4_321, 40_000])
def test_a_line_is_no_longer_than_a_screen_and_keeps_its_ends_and_its_spikes(count: int) -> None:
    heights = random.Random(count).choices(range(100), k=count)
    points = [(float(epoch), float(height)) for epoch, height in enumerate(heights)]
    if count > 10:
        points[count // 3] = (count // 3, 1e6)
        points[count // 2] = (count // 2, -1e6)
    kept = plots.thinned(points, most=64)
    assert len(kept) <= 64 and list(kept) == sorted(set(kept))
    assert set(kept) <= set(points) and kept[-1:] == points[-1:]
    if count > 10:
        assert {points[count // 3], points[count // 2]} <= set(kept)
    if count <= 64:
        assert kept == points


def test_a_line_that_grows_keeps_what_was_drawn() -> None:
    points = [(float(epoch), float(epoch * 7919 % 101)) for epoch in range(2_000)]
    before, after = (plots.thinned(points[:n], most=512) for n in (1_600, 1_800))
    assert set(before[:-3]) <= set(after)
