"""The predictors' own pages: what is read of them, and how a restart and several pods are told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count

import pytest
from prometheus_client import generate_latest
from prometheus_client.registry import CollectorRegistry

from serving.predictor.metrics import TallyCollector
from serving.predictor.tally import Tally
from serving.rollout.observation import NotMeasured, Observation
from serving.rollout.sources import PredictorSource
from serving.rollout.sources.predictors import Births, parsed
from tests.serving.rollout.metrics_kit import CANARY, STABLE, Answer, Exporter, serving, site


@dataclass
class Pods:
    """Each revision's pods, which answer by turns."""

    of: Mapping[str, list[Exporter]]
    url: str = ""
    asked: Iterator[int] = field(default_factory=count)

    def page(self, path: str, _: object) -> Answer:
        pods = self.of[path.split("/")[1]]
        return Answer(pods[next(self.asked) % len(pods)].predictor().encode())


@pytest.fixture
def pods() -> Iterator[Pods]:
    found = Pods({STABLE: [Exporter(born=100.5)], CANARY: [Exporter(born=200.25)]})
    with site(found.page) as url:
        found.url = url
        yield found


def test_what_the_pages_tell_is_read_by_revision(pods: Pods) -> None:
    pods.of[STABLE][0].count(90)
    pods.of[CANARY][0].count(20, errors=5, slow=3)
    seen = PredictorSource().observe(serving(url=pods.url), 7.0)
    assert isinstance(seen, Observation), seen
    canary = seen.of(CANARY)
    assert (seen.of(STABLE).requests, canary.requests, canary.errors) == (90, 20, 5)
    assert canary.buckets == (17, 0, 3, 0)
    assert canary.classes == {"setosa": 15, "virginica": 0}
    assert canary.confidence == (0, 7, 8, 0)
    assert canary.confidence_bounds == (0.5, 0.9, 1.0, float("inf"))


def test_a_revision_without_traffic_is_not_asked(pods: Pods) -> None:
    pods.of = {STABLE: pods.of[STABLE]}
    seen = PredictorSource().observe(serving(0, url=pods.url), 7.0)
    assert isinstance(seen, Observation) and set(seen.revisions) == {STABLE}


def test_the_predictors_real_page_is_understood() -> None:
    tally = Tally((), 2)
    tally.protocol("v2").answered(200, 0.003)
    tally.protocol("v1").answered(500, 0.3)
    tally.by_class += [3, 4]
    registry = CollectorRegistry()
    registry.register(TallyCollector(tally, "iris", "7", ("no", 'a "b"\\c')))
    page = parsed(b"process_start_time_seconds 1.78e9\n" + generate_latest(registry))
    assert (page.born, page.counts.requests, page.counts.errors) == (1.78e9, 2, 1)
    assert page.counts.classes == {"no": 3, 'a "b"\\c': 4}
    assert sum(page.counts.buckets) == 2


@pytest.mark.parametrize("revision", [STABLE, CANARY])
def test_a_restart_is_another_epoch(pods: Pods, revision: str) -> None:
    source = PredictorSource()
    before = source.observe(serving(url=pods.url), 7.0)
    assert source.observe(serving(url=pods.url), 8.0) == replace(before, at=8.0)
    pods.of[revision][0].restart(born=300.0)
    pods.of[revision][0].count(1000)
    after = source.observe(serving(url=pods.url), 9.0)
    assert isinstance(after, Observation) and not after.continues(before)


def test_the_epoch_survives_the_annotation_and_another_process(pods: Pods) -> None:
    first, second = (PredictorSource().observe(serving(url=pods.url), 7.0) for _ in range(2))
    assert Observation.from_json(first.to_json()).epoch == second.epoch


def test_several_pods_behind_one_address_are_noticed(pods: Pods) -> None:
    pods.of[CANARY].append(Exporter(born=201.0))
    source, view = PredictorSource(), serving(url=pods.url)
    # The stable revision is asked as well, so that the canary's pods answer in an order of theirs.
    pods.asked = iter([0, 0, 1, 0, 0, 0, 0, 0] + [0] * 20)
    looks = [source.observe(view, 7.0 + at) for at in range(4)]
    assert isinstance(looks[0], Observation) and isinstance(looks[3], NotMeasured)
    assert f"several predictors answer for {CANARY} by turns" in looks[3].reason
    assert "KANARYA_PROMETHEUS_URL" in looks[3].reason
    # One that is alone for a minute is trusted again.
    assert isinstance(source.observe(view, 9.0), NotMeasured)
    assert isinstance(source.observe(view, 80.0), Observation)


@pytest.mark.parametrize(
    ("births", "several"),
    [
        ([1.0, 1.0, 1.0], False),
        ([1.0, 2.0, 3.0], False),
        ([1.0, 2.0, 1.0], True),
        ([2.0, 1.0], False),
        ([2.0, 1.0, 2.0, 2.0], True),
    ],
)
def test_who_is_met_again_after_another_was_is_one_of_several(
    births: list[float], several: bool
) -> None:
    found = Births()
    for at, born in enumerate(births):
        found = found.after(born, float(at))
    assert found.take_turns(float(len(births))) == several


def test_births_of_long_ago_are_forgotten() -> None:
    found = Births()
    for at in range(1000):
        found = found.after(float(at), at * 10.0)
    assert len(found.met) <= 7


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda url: serving(), "has no address of its own; annotate the service"),
        (lambda url: replace(serving(), traffic=()), "has no revision to ask"),
    ],
)
def test_a_service_without_addresses_is_not_measured(make: Callable, words: str) -> None:
    seen = PredictorSource().observe(make(""), 7.0)
    assert isinstance(seen, NotMeasured) and words in seen.reason


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (b"process_start_time_seconds 5\n", "it counts no predictions"),
        (b"process_start_time_seconds NaN\n", "it has no process_start_time_seconds"),
        (b'kanarya_predictions_total{label="a"} 1\n', "it has no process_start_time_seconds"),
        (
            b'process_start_time_seconds 5\nkanarya_predictor_request_seconds_bucket{le="1"} 1\n',
            "has no bucket +Inf",
        ),
        (
            b'process_start_time_seconds 5\nkanarya_predictor_request_seconds_bucket{le="1"} 3\n'
            b'kanarya_predictor_request_seconds_bucket{le="+Inf"} 1\n',
            "buckets that fall",
        ),
        (
            b'process_start_time_seconds 5\nkanarya_predictor_requests_total{code="ok"} 3\n',
            "'ok' is no status",
        ),
    ],
)
def test_a_page_that_is_not_a_predictors_is_refused(page: bytes, words: str) -> None:
    with pytest.raises(ValueError) as refused:
        parsed(page)
    assert words in str(refused.value)
