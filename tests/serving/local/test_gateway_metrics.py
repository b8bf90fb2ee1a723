"""The gateway's page against Prometheus' own client library: the same events, the same samples."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from serving.local.gateway_metrics import BOUNDS, Metrics

EVENTS = [
    ("r1", "200", 0.0005),
    ("r1", "200", 0.00050001),
    ("r1", "500", 0.0),
    ("r1", "200", 59.9999),
    ("r2", "502", 60.0),
    ("r2", "200", 61.5),
]
LABELS = ("namespace", "service", "revision")
Sample = tuple[str, tuple[tuple[str, str], ...], float]


def ours() -> bytes:
    metrics = Metrics(started_at=1.5)
    meter = metrics.service("ml", "iris")
    for revision, code, seconds in EVENTS:
        meter.attempt(revision, code, seconds)
    return metrics.render()


def theirs() -> bytes:
    own = CollectorRegistry()
    requests = Counter("kanarya_requests", "x", (*LABELS, "code"), registry=own)
    times = Histogram("kanarya_request_seconds", "x", LABELS, buckets=BOUNDS, registry=own)
    for revision, code, seconds in EVENTS:
        requests.labels("ml", "iris", revision, code).inc()
        times.labels("ml", "iris", revision).observe(seconds)
    return generate_latest(own)


def samples(page: bytes) -> Iterator[Sample]:
    for family in text_string_to_metric_families(page.decode()):
        for sample in family.samples:
            if not sample.name.endswith(("_created", "start_time_seconds")):
                yield sample.name, tuple(sorted(sample.labels.items())), sample.value


def test_the_page_says_what_prometheus_own_library_would_say() -> None:
    assert set(samples(ours())) == set(samples(theirs()))


def test_every_line_of_theirs_stands_in_ours_as_it_is() -> None:
    lines = [x for x in theirs().decode().splitlines() if x[0] != "#" and "_created" not in x]
    assert set(lines) <= set(ours().decode().splitlines())
