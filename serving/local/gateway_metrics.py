"""What the gateway counts, in Prometheus' own words."""

from __future__ import annotations

import time
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

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
    """One service's counters; each label child is looked up once, then kept."""

    def __init__(self, metrics: Metrics, namespace: str, service: str) -> None:
        """Bind nothing yet: a series appears with its first event."""
        self._metrics = metrics
        self._labels = (namespace, service)
        self._requests: dict[tuple[str, str], Counter] = {}
        self._seconds: dict[str, Histogram] = {}
        self._retries: dict[str, Counter] = {}
        self._responses: dict[str, Counter] = {}

    def attempt(self, revision: str, code: str, seconds: float) -> None:
        """Count one try at a revision, its code and how long it took."""
        self._count(revision, code)
        if revision not in self._seconds:
            self._seconds[revision] = self._metrics.seconds.labels(*self._labels, revision)
        self._seconds[revision].observe(seconds)

    def missed(self, revision: str) -> None:
        """Count a 503 of this revision, without a time: a crashed canary must not look idle."""
        self._count(revision, NOT_READY)
        self.retry(revision)

    def _count(self, revision: str, code: str) -> None:
        if (revision, code) not in self._requests:
            child = self._metrics.requests.labels(*self._labels, revision, code)
            self._requests[revision, code] = child
        self._requests[revision, code].inc()

    def retry(self, revision: str) -> None:
        """Count that a request was sent again since this revision gave no answer."""
        if revision not in self._retries:
            self._retries[revision] = self._metrics.retries.labels(*self._labels, revision)
        self._retries[revision].inc()

    def response(self, code: str) -> None:
        """Count what the client saw."""
        if code not in self._responses:
            self._responses[code] = self._metrics.responses.labels(*self._labels, code)
        self._responses[code].inc()


class Metrics:
    """All counters of one gateway, in a registry of their own."""

    content_type = CONTENT_TYPE_PLAIN_0_0_4

    def __init__(self, started_at: float | None = None) -> None:
        """Create the series; `started_at` is in seconds since 1970."""
        own = self._registry = CollectorRegistry()
        service = ("namespace", "service")
        self.requests = Counter(
            "kanarya_requests",
            "Attempts on a revision",
            (*service, "revision", "code"),
            registry=own,
        )
        self.seconds = Histogram(
            "kanarya_request_seconds",
            "Time of an attempt, from sending it to the last byte of its answer",
            (*service, "revision"),
            buckets=BOUNDS,
            registry=own,
        )
        self.responses = Counter(
            "kanarya_responses", "What clients saw", (*service, "code"), registry=own
        )
        self.retries = Counter(
            "kanarya_retries",
            "Requests sent again, by the revision that gave no answer",
            (*service, "revision"),
            registry=own,
        )
        start = Gauge("kanarya_gateway_start_time_seconds", "When it started", registry=own)
        start.set(time.time() if started_at is None else started_at)
        self._services: dict[tuple[str, str], ServiceMeter] = {}

    def service(self, namespace: str, service: str) -> ServiceMeter:
        """Return the one meter of a service."""
        key = (namespace, service)
        if key not in self._services:
            self._services[key] = ServiceMeter(self, namespace, service)
        return self._services[key]

    def render(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self._registry)
