"""Where live performance is read from, and how it is said."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from serving.errors import KanaryaError
from serving.feedback import wire, words
from serving.feedback.calling import call
from serving.feedback.performance import Interval, LivePerformance, VersionPerformance
from serving.feedback.read import read
from serving.feedback.truths import Labelled
from serving.settings import Settings
from tests.serving.feedback.collecting import collector


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.from_env({"KANARYA_HOME": str(tmp_path), "KANARYA_NAMESPACE": "ml"})


def test_a_collector_that_is_named_is_asked(settings: Settings, tmp_path: Path) -> None:
    with collector(tmp_path / "elsewhere") as url:
        call(f"{url}/iris/labels", wire.labels([Labelled("a", 0, "x")]))
        there = replace(settings, feedback_url=url)
        assert read(there, "iris") == LivePerformance("iris", {}, 86_400, 1)
        assert read(there, "iris", window_s=60).window_s == 60


def test_without_one_it_is_this_homes_own_file(settings: Settings, tmp_path: Path) -> None:
    assert read(settings, "iris") == LivePerformance("iris", {}, 30 * 86_400)
    with collector(tmp_path / "feedback") as url:
        call(f"{url}/iris/labels", wire.labels([Labelled("a", 0, "x")]))
    assert read(settings, "iris", window_s=60) == LivePerformance("iris", {}, 60, 1)


def test_of_another_cluster_the_service_is_asked(settings: Settings, tmp_path: Path) -> None:
    elsewhere = replace(settings, kubeconfig=tmp_path.parent / "nobody" / "kubeconfig")
    with pytest.raises(KanaryaError):
        read(elsewhere, "iris")


SHARE = Interval(0.9, 0.85, 0.934)


@pytest.mark.parametrize(
    ("labels", "metrics", "sentence"),
    [
        (
            200,
            {"accuracy": SHARE},
            "accuracy 90.0% (85.0% to 93.4%) on 200 labels of 5,000 predictions, last 30 days",
        ),
        (
            1,
            {"mae": Interval(2.0, 0.0, math.inf)},
            "mae 2 (one label bounds nothing) on 1 label of 5,000 predictions, last 30 days",
        ),
        (0, {}, "no label yet of 5,000 predictions, last 30 days"),
    ],
    ids=["classes", "a number", "no label"],
)
def test_a_version_is_told_with_what_it_rests_on(
    labels: int, metrics: Mapping[str, Interval], sentence: str
) -> None:
    found = VersionPerformance(5000, labels, metrics)
    assert words.of_version(found, 30 * 86_400) == sentence
    assert VersionPerformance.from_json(found.to_json()) == found


@pytest.mark.parametrize(
    ("waiting", "sentence"),
    [(1, "1 label waits for a prediction with its id;"), (12, "12 labels wait for a prediction")],
)
def test_labels_that_wait_are_told_with_the_likely_reason(waiting: int, sentence: str) -> None:
    *_, line = words.lines(LivePerformance("iris", {}, 3600, waiting))
    assert line.strip().startswith(sentence)
