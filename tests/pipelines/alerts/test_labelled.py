"""A live version that labels find worse than the gate did."""

from __future__ import annotations

import math

import pytest

from pipelines.alerts.labelled import at_the_gate, compared
from pipelines.alerts.table import BY_NAME
from pipelines.journal import Result
from scripts.bench.synthetic_runs import begun
from serving.feedback.performance import Interval, VersionPerformance
from serving.settings import Settings

STORIES = [
    ("accuracy", Interval(0.8, 0.7, 0.88), 0.97, "97.0%", 0.09, True),
    ("accuracy", Interval(0.8, 0.7, 0.93), 0.97, "97.0%", 0.04, False),
    ("accuracy", Interval(0.99, 0.98, 1.0), 0.97, "97.0%", 0.0, False),
    ("rmse", Interval(13, 11.0, 14), 10.0, "10", 0.1, True),
    ("rmse", Interval(13, 9.0, math.inf), 10.0, "10", 0.0, False),
]


@pytest.mark.parametrize(("name", "live", "before", "was", "by", "fires"), STORIES)
def test_a_metric_is_worse_by_what_its_interval_leaves(
    name: str, live: Interval, before: float, was: str, by: float, fires: bool
) -> None:
    found = VersionPerformance(100, 50, {name: live})
    (seen,) = compared(found, {name: before}, {"model": "iris", "version": "3"})
    assert seen.value == pytest.approx(by)
    assert BY_NAME["KanaryaWorse"].holds(seen.value) is fires
    assert seen.labels["metric"] == name and f"on 50 labels, and was {was}." in seen.detail


def test_a_metric_that_nobody_measured_before_is_compared_with_nothing() -> None:
    live = VersionPerformance(100, 50, {"mae": Interval(1, 1, 1), "rmse": Interval(1, 1, 1)})
    assert [*compared(live, {"mae": 0.0}, {})] == []


def test_what_the_gate_knew_is_of_the_run_that_made_the_version(settings: Settings) -> None:
    for number, version in enumerate(("1", "2", "")):
        folder = begun(settings.home / "runs", number, "iris")
        metrics = {"accuracy": 0.9 + number / 100}
        folder.close(Result(folder.run_id, "promoted", "Good.", version, metrics=metrics))
    other = begun(settings.home / "runs", 9, "iris-large")
    other.close(Result(other.run_id, "promoted", "Good.", "2", metrics={"accuracy": 0.1}))
    assert at_the_gate(settings, "iris", "2") == {"accuracy": 0.91}
    assert at_the_gate(settings, "iris", "7") == {}
