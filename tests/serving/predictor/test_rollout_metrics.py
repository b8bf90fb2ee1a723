"""A rollout reads the page of a real predictor as it is."""

from __future__ import annotations

import pytest

from serving.isvc.resource import ServiceView, TrafficTarget
from serving.rollout.observation import Observation
from serving.rollout.sources import PredictorSource
from tests.serving.predictor.running import Predictor

pytestmark = pytest.mark.e2e


def test_a_rollout_sees_requests_classes_and_confidence(flowers: Predictor) -> None:
    traffic = (TrafficTarget("iris-predictor-00001", 100, url=flowers.url),)
    source, view = PredictorSource(), ServiceView("iris", "ml", traffic=traffic)
    before = source.observe(view, 1.0)
    for _ in range(5):
        flowers.ask("POST", "/v1/models/iris:predict", {"instances": [[5.1, 3.5, 1.4, 0.2]]})
    flowers.ask("POST", "/v1/models/iris:predict", {"instances": "none"})
    after = source.observe(view, 2.0)
    assert isinstance(before, Observation) and isinstance(after, Observation), (before, after)
    assert after.continues(before)
    news = after.of("iris-predictor-00001").since(before.of("iris-predictor-00001"))
    assert (news.requests, news.errors, sum(news.buckets)) == (6, 1, 6)  # of which it refused one
    assert sum(news.classes.values()) == sum(news.confidence) == 5
    assert len(news.confidence_bounds) == len(news.confidence) and len(news.classes) > 1
