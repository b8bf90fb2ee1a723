"""Rollouts by sources that fail: nothing is promoted on numbers that are missing."""

from __future__ import annotations

import ast
import gc
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from serving.isvc.resource import ROLLOUT, ServiceView
from serving.rollout.observation import Counts, NotMeasured, Observation
from serving.rollout.sources import (
    GatewaySource,
    PredictorSource,
    PrometheusSource,
    Server,
    Source,
    Together,
)
from serving.rollout.state import rollout_of
from tests.serving.rollout.fake_cluster import FakeCluster, FakeSource
from tests.serving.rollout.metrics_kit import Answer, site, talking
from tests.serving.rollout.stage import NAME, STEPS, Stage

ROOT = Path(__file__).resolve().parents[3]
HERE = "tests.serving.rollout.test_source_stories"
SHORT = replace(STEPS, max_seconds=3)
BAD: dict[str, Callable[[str], Source]] = {
    "a gateway that is down": lambda url: GatewaySource(f"{url}/metrics"),
    "predictors without addresses": lambda url: PredictorSource(),
    "a Prometheus that is down": lambda url: PrometheusSource(Server(url)),
    "both halves down": lambda url: Together(GatewaySource(url), PredictorSource()),
}


@pytest.mark.parametrize("source", BAD)
@pytest.mark.parametrize(
    ("wish", "end", "percent"),
    [("hold", "held", 10), ("promote", "held", 10), ("abort", "rolled_back", 0)],
)
def test_a_rollout_without_numbers_is_never_promoted(
    source: str, wish: Any, end: str, percent: int
) -> None:
    with talking(lambda sock: None) as url:
        pass
    stage = Stage.with_live("1")
    stage.source = BAD[source](url)
    outcome = stage.run("2", replace(SHORT, on_inconclusive=wish))
    assert outcome.kind == end
    assert "no verdict at 10 % after 3 s: " in outcome.reason
    assert stage.live().get("file:///models/iris/2", 0) == percent


def test_a_prometheus_without_our_series_holds_the_rollout() -> None:
    body = b'{"status":"success","data":{"resultType":"vector","result":[]}}'
    with site(lambda path, headers: Answer(body)) as url:
        stage = Stage.with_live("1")
        stage.source = PrometheusSource(Server(url))
        outcome = stage.run("2", SHORT)
    assert outcome.kind == "held"
    assert "has no series of iris-predictor-00001 and iris-predictor-00002" in outcome.reason


def test_predictors_that_are_down_hide_their_rows_and_nothing_else() -> None:
    stage = Stage.with_live("1")
    stage.source = Together(FakeSource(stage.cluster), PredictorSource())
    assert stage.run("2").kind == "promoted"


class Forgetful(FakeCluster):
    """A cluster that keeps the greatest size of the annotation in place of all patches."""

    largest = 0

    def tick(self, seconds: float) -> None:
        super().tick(seconds)
        gc.collect()  # CPython keeps thousands of small tuples that are free

    def patch(self, name: str, patch: Any) -> ServiceView:
        text = patch.get("metadata", {}).get("annotations", {}).get(ROLLOUT) or ""
        self.largest = max(self.largest, len(text.encode()))
        view = super().patch(name, patch)
        self.patches.clear()
        return view


@dataclass
class Rows:
    """Predictions of ten classes, as many as there were requests."""

    cluster: FakeCluster
    bounds: tuple[float, ...] = field(default=(*(each / 12 for each in range(1, 12)), float("inf")))

    def observe(self, view: ServiceView, now: float) -> Observation | NotMeasured:
        found = {}
        for revision in self.cluster.revisions[view.name]:
            share = int(revision.requests / 12)
            classes = {f"class number {each}": share for each in range(10)}
            found[revision.name] = Counts(
                classes=classes, confidence=(share,) * 12, confidence_bounds=self.bounds
            )
        return Observation(3.0, now, found)


def rolled_out(requests: int, requests_per_s: int) -> tuple[int, int, int]:
    """Drive a rollout over so many; return what was asked, bytes at the peak, and in the state."""
    cluster = Forgetful(requests_per_s=requests_per_s)
    stage = Stage(cluster)
    stage.source = Together(FakeSource(cluster), Rows(cluster))
    assert stage.run("1").kind == "promoted"
    stage.events = type("Nobody", (list,), {"append": lambda self, event: None})()
    asked = sum(revision.requests for revision in cluster.revisions[NAME])
    policy = replace(STEPS, steps=(10, 100), min_requests=requests // 10, max_seconds=10**6)
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    assert stage.run("2", policy).kind == "promoted"
    peak = tracemalloc.get_traced_memory()[1] - before
    asked = sum(revision.requests for revision in cluster.revisions[NAME]) - asked
    state = rollout_of(stage.cluster.get(NAME))
    assert state is not None and state.over
    return int(asked), peak, cluster.largest


def measured(most: int) -> list[tuple[int, int, int]]:
    """Return what rollouts over few and many requests took, once a first one has filled caches."""
    with ExitStack() as stack:
        tracemalloc.start()
        stack.callback(tracemalloc.stop)
        rolled_out(most // 10, most // 10)
        return [rolled_out(most // 10, most // 10), rolled_out(most, most // 10)]


@pytest.mark.thorough
@pytest.mark.parametrize("most", [50_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_a_rollout_over_many_requests_takes_constant_memory(most: int) -> None:
    # In a process of its own: threads that other tests leave behind take memory meanwhile.
    program = f"from {HERE} import measured; print(measured({most}))"
    asked = [sys.executable, "-c", program]
    done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True)
    (few, little, small), (many, much, large) = ast.literal_eval(done.stdout)
    assert many > most and few < most / 2
    assert much - little < 32_000, "bytes that grow with the number of requests"
    assert small <= large < 8_000
