"""What the gateway counts, in Prometheus' own words."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

LONGEST_S = 60.0
NOT_READY = "503"


def _bounds() -> tuple[float, ...]:
    """Return bucket bounds that grow by a fifth, so that a percentile is known to a tenth."""
    bounds = [0.0005]
    while bounds[-1] * 1.2 < LONGEST_S:
        bounds.append(bounds[-1] * 1.2)
    return (*(float(f"{bound:.4g}") for bound in bounds), LONGEST_S)


BOUNDS = _bounds()


class Meter(Protocol):
    """Where one request's outcome is counted."""

    def attempt(self, revision: str, code: str, seconds: float) -> None:
        """Count one try at a revision."""

    def missed(self, revision: str) -> None:
        """Count that it was this revision's turn, but it had no process to ask."""

    def retry(self, revision: str) -> None:
        """Count that a request was sent again since this revision gave no answer."""

    def response(self, code: str) -> None:
        """Count what the client saw."""


class Unmeasured:
    """The meter of what is no prediction, or came through a tag's address: counts nothing."""

    def attempt(self, revision: str, code: str, seconds: float) -> None:
        """Do nothing."""

    def missed(self, revision: str) -> None:
        """Do nothing."""

    def retry(self, revision: str) -> None:
        """Do nothing."""

    def response(self, code: str) -> None:
        """Do nothing."""


UNMEASURED: Meter = Unmeasured()


class ServiceMeter:
    """One service's counters; each label child is looked up once, then kept.

    They are in a registry of their own: a rollout looks at one service five times a second, and
    must not pay for what the gateway counts of all others.
    """

    def __init__(self, namespace: str, service: str) -> None:
        """Bind nothing yet: a series appears with its first event."""
        own, labels = CollectorRegistry(), ("namespace", "service")
        self.registry = own
        self._labels = (namespace, service)
        self._attempts = Counter(
            "kanarya_requests",
            "Attempts on a revision",
            (*labels, "revision", "code"),
            registry=own,
        )
        self._times = Histogram(
            "kanarya_request_seconds",
            "Time of an attempt, from sending it to the last byte of its answer",
            (*labels, "revision"),
            buckets=BOUNDS,
            registry=own,
        )
        self._answers = Counter(
            "kanarya_responses", "What clients saw", (*labels, "code"), registry=own
        )
        self._repeats = Counter(
            "kanarya_retries",
            "Requests sent again, by the revision that gave no answer",
            (*labels, "revision"),
            registry=own,
        )
        self._requests: dict[tuple[str, str], Counter] = {}
        self._seconds: dict[str, Histogram] = {}
        self._retries: dict[str, Counter] = {}
        self._responses: dict[str, Counter] = {}

    def attempt(self, revision: str, code: str, seconds: float) -> None:
        """Count one try at a revision, its code and how long it took."""
        self._count(revision, code)
        if revision not in self._seconds:
            self._seconds[revision] = self._times.labels(*self._labels, revision)
        self._seconds[revision].observe(seconds)

    def missed(self, revision: str) -> None:
        """Count a 503 of this revision, without a time: a crashed canary must not look idle."""
        self._count(revision, NOT_READY)
        self.retry(revision)

    def _count(self, revision: str, code: str) -> None:
        if (revision, code) not in self._requests:
            child = self._attempts.labels(*self._labels, revision, code)
            self._requests[revision, code] = child
        self._requests[revision, code].inc()

    def retry(self, revision: str) -> None:
        """Count that a request was sent again since this revision gave no answer."""
        if revision not in self._retries:
            self._retries[revision] = self._repeats.labels(*self._labels, revision)
        self._retries[revision].inc()

    def response(self, code: str) -> None:
        """Count what the client saw."""
        if code not in self._responses:
            self._responses[code] = self._answers.labels(*self._labels, code)
        self._responses[code].inc()


class Page(Collector):
    """The registries of several services as one: each metric is there once, with all series."""

    def __init__(self, services: Iterable[Collector], own: Collector) -> None:
        self._services, self._own = services, own

    def collect(self) -> Iterator[Metric]:
        """Yield one metric after the other; all services have the same ones, in one order."""
        for metrics in zip(*(service.collect() for service in self._services), strict=True):
            for more in metrics[1:]:
                metrics[0].samples.extend(more.samples)
            yield metrics[0]
        yield from self._own.collect()


class Metrics:
    """All counters of one gateway, by service."""

    content_type = CONTENT_TYPE_PLAIN_0_0_4

    def __init__(self, started_at: float | None = None) -> None:
        """Create the series; `started_at` is in seconds since 1970."""
        self._own = CollectorRegistry()
        start = Gauge("kanarya_gateway_start_time_seconds", "When it started", registry=self._own)
        start.set(time.time() if started_at is None else started_at)
        self._services: dict[tuple[str, str], ServiceMeter] = {}

    def service(self, namespace: str, service: str) -> ServiceMeter:
        """Return the one meter of a service."""
        key = (namespace, service)
        if key not in self._services:
            self._services[key] = ServiceMeter(namespace, service)
        return self._services[key]

    def render(self, namespace: str = "", service: str = "") -> bytes:
        """Return everything in Prometheus' text format, or what there is of one service."""
        wanted = (
            meter.registry
            for key, meter in self._services.items()
            if not service or key == (namespace, service)
        )
        return generate_latest(Page(wanted, self._own))
