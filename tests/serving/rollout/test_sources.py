"""The gateway's own counters, read over HTTP; and everything that is not a measurement."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from serving.isvc.resource import METRICS_URL, ServiceView
from serving.local.gateway_metrics import Metrics
from serving.rollout.observation import NotMeasured, Observation
from serving.rollout.sources import GatewaySource
from tests.serving.rollout.metrics_kit import Answer, site

Page = Callable[[], bytes]


@pytest.fixture
def serve() -> Iterator[Callable[[Page], str]]:
    """Serves a page on a free port and returns its address."""
    with ExitStack() as stack:
        yield (
            lambda page: (
                stack.enter_context(site(lambda path, headers: Answer(page()))) + "/metrics"
            )
        )


def view(url: str) -> ServiceView:
    return ServiceView("iris", "ml", annotations={METRICS_URL: url})


def test_the_gateways_counters_are_read_by_revision(serve: Callable[[Page], str]) -> None:
    metrics = Metrics(started_at=1786000000.25)
    ours = metrics.service("ml", "iris")
    for code, seconds in [("200", 0.002), ("200", 0.03), ("404", 0.002), ("500", 0.002)]:
        ours.attempt("r1", code, seconds)
    ours.attempt("r2", "502", 0.5)
    metrics.service("ml", "wine").attempt("r1", "500", 0.5)
    metrics.service("other", "iris").attempt("r1", "500", 0.5)
    seen = GatewaySource().observe(view(serve(metrics.render)), 7.0)
    assert isinstance(seen, Observation)
    assert (seen.epoch, seen.at) == (1786000000.25, 7.0)
    assert (seen.of("r1").requests, seen.of("r1").errors) == (4, 1)
    assert (seen.of("r2").requests, seen.of("r2").errors) == (1, 1)
    assert seen.of("r3").requests == 0
    assert seen.of("r1").quantile(0.5) == pytest.approx(0.002, rel=0.2)
    assert seen.of("r2").quantile(0.95) == pytest.approx(0.5, rel=0.2)
    assert sum(seen.of("r1").buckets) == 4


def test_rows_that_a_revision_refuses_as_not_fitting_are_errors_of_it(
    serve: Callable[[Page], str],
) -> None:
    """A canary with another column than its callers send answers each of them 400."""
    metrics = Metrics(started_at=1786000000.25)
    for code in ("400", "422", "401", "404", "408", "413", "429", "200"):
        metrics.service("ml", "iris").attempt("r1", code, 0.002)
    seen = GatewaySource().observe(view(serve(metrics.render)), 7.0)
    assert isinstance(seen, Observation)
    assert (seen.of("r1").requests, seen.of("r1").errors) == (8, 2)


def test_a_service_without_traffic_is_measured_as_zero(serve: Callable[[Page], str]) -> None:
    seen = GatewaySource().observe(view(serve(Metrics(started_at=1.0).render)), 7.0)
    assert isinstance(seen, Observation)
    assert seen.of("r1").requests == 0


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (b"", "it has no kanarya_gateway_start_time_seconds"),
        (b"<html>hello</html>", "it has no kanarya_gateway_start_time_seconds"),
        (b"kanarya_gateway_start_time_seconds NaN-ish\n", "cannot be read"),
        (b"kanarya_gateway_start_time_seconds NaN\n", "it has no kanarya_gateway_start"),
        (b"\xff\xfe", "cannot be read"),
        (
            b'kanarya_gateway_start_time_seconds 1\nkanarya_requests_total{namespace="ml",'
            b'service="iris",revision="r1",code="200"} NaN\n',
            "cannot be read",
        ),
        (
            b'kanarya_gateway_start_time_seconds 1\nkanarya_requests_total{namespace="ml",'
            b'service="iris",revision="r1"} +Inf\n',
            "cannot be read",
        ),
    ],
)
def test_a_page_that_is_not_the_gateways_is_not_measured(
    serve: Callable[[Page], str], page: bytes, said: str
) -> None:
    seen = GatewaySource().observe(view(serve(lambda: page)), 7.0)
    assert isinstance(seen, NotMeasured)
    assert said in seen.reason


def test_a_service_without_the_annotation_is_not_measured() -> None:
    seen = GatewaySource().observe(ServiceView("iris", "ml"), 7.0)
    assert seen == NotMeasured("iris has no annotation kanarya.dev/metrics-url")


def test_a_service_is_found_among_others_that_are_named_alike(
    serve: Callable[[Page], str],
) -> None:
    metrics = Metrics(started_at=1.0)
    for name in ("iris", "iris2", "iri", "my-iris"):
        metrics.service("ml", name).attempt("r1", "200", 0.002)
    seen = GatewaySource().observe(view(serve(metrics.render)), 7.0)
    assert isinstance(seen, Observation)
    assert seen.of("r1").requests == 1 and set(seen.revisions) == {"r1"}


def test_the_gateway_is_asked_for_one_service_and_tells_of_that_one() -> None:
    metrics = Metrics(started_at=1.0)
    for name in ("iris", "wine"):
        metrics.service("ml", name).attempt("r1", "200", 0.002)
    asked = []

    def page(path: str, _: object) -> Answer:
        asked.append(path)
        return Answer(metrics.render("ml", "iris"))

    with site(page) as url:
        seen = GatewaySource().observe(view(f"{url}/metrics"), 7.0)
    assert asked == ["/metrics?namespace=ml&service=iris"]
    assert isinstance(seen, Observation) and seen.of("r1").requests == 1
    assert b"wine" not in metrics.render("ml", "iris")
    whole = metrics.render()
    assert whole.count(b"# TYPE kanarya_requests_total") == 1
    assert whole.count(b"kanarya_requests_total{") == 2
