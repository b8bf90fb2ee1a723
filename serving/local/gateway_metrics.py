"""What the gateway counts, in Prometheus' own words.

Counted and written by hand: a rollout reads the page five times a second while requests are
counted, and the client library needs ten times as long for it (the time that a page is written,
no request is carried).
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Protocol

LONGEST_S = 60.0
NOT_READY = "503"


def _bounds() -> tuple[float, ...]:
    """Return bucket bounds that grow by a fifth, so that a percentile is known to a tenth."""
    bounds = [0.0005]
    while bounds[-1] * 1.2 < LONGEST_S:
        bounds.append(bounds[-1] * 1.2)
    return (*(float(f"{bound:.4g}") for bound in bounds), LONGEST_S)


BOUNDS = _bounds()
SECONDS = "kanarya_request_seconds"
BUCKETS = tuple(f'{SECONDS}_bucket{{le="{bound}",' for bound in (*BOUNDS, "+Inf"))


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


class Timing:
    """The tries at one revision by how long they took."""

    def __init__(self) -> None:
        """Have seen none."""
        self.counts = [0] * len(BUCKETS)
        self.seconds = 0.0

    def observe(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.seconds += seconds

    def lines(self, labels: str) -> Iterator[str]:
        """Yield a histogram's lines; every bucket counts what is in the smaller ones too."""
        totals = list(accumulate(self.counts))
        for bucket, total in zip(BUCKETS, totals, strict=True):
            yield f"{bucket}{labels}}} {total}.0"
        yield f"{SECONDS}_count{{{labels}}} {totals[-1]}.0"
        yield f"{SECONDS}_sum{{{labels}}} {self.seconds}"


class ServiceMeter:
    """One service's counters; a series appears with its first event.

    Names of services, namespaces and revisions are DNS labels, so none needs escaping.
    """

    def __init__(self, namespace: str, service: str) -> None:
        """Have counted nothing."""
        self._labels = f'namespace="{namespace}"', f'service="{service}"'
        self._requests: Counter[tuple[str, str]] = Counter()
        self._responses: Counter[str] = Counter()
        self._retries: Counter[str] = Counter()
        self._timings: dict[str, Timing] = {}

    def attempt(self, revision: str, code: str, seconds: float) -> None:
        """Count one try at a revision, its code and how long it took."""
        self._requests[revision, code] += 1
        if revision not in self._timings:
            self._timings[revision] = Timing()
        self._timings[revision].observe(seconds)

    def missed(self, revision: str) -> None:
        """Count a 503 of this revision, without a time: a crashed canary must not look idle."""
        self._requests[revision, NOT_READY] += 1
        self.retry(revision)

    def retry(self, revision: str) -> None:
        """Count that a request was sent again since this revision gave no answer."""
        self._retries[revision] += 1

    def response(self, code: str) -> None:
        """Count what the client saw."""
        self._responses[code] += 1

    def requests(self) -> Iterator[str]:
        """Yield the lines of kanarya_requests_total."""
        for (revision, code), count in self._requests.items():
            yield f'kanarya_requests_total{{code="{code}",{self._of(revision)}}} {count}.0'

    def seconds(self) -> Iterator[str]:
        """Yield the lines of kanarya_request_seconds."""
        for revision, timing in self._timings.items():
            yield from timing.lines(self._of(revision))

    def responses(self) -> Iterator[str]:
        """Yield the lines of kanarya_responses_total."""
        for code, count in self._responses.items():
            labels = ",".join((f'code="{code}"', *self._labels))
            yield f"kanarya_responses_total{{{labels}}} {count}.0"

    def retries(self) -> Iterator[str]:
        """Yield the lines of kanarya_retries_total."""
        for revision, count in self._retries.items():
            yield f"kanarya_retries_total{{{self._of(revision)}}} {count}.0"

    def _of(self, revision: str) -> str:
        namespace, service = self._labels
        return f'{namespace},revision="{revision}",{service}'


class Metrics:
    """All counters of one gateway."""

    content_type = "text/plain; version=0.0.4; charset=utf-8"

    def __init__(self, started_at: float | None = None) -> None:
        """Count from now on; `started_at` is in seconds since 1970."""
        self._started_at = time.time() if started_at is None else started_at
        self._services: dict[tuple[str, str], ServiceMeter] = {}

    def service(self, namespace: str, service: str) -> ServiceMeter:
        """Return the one meter of a service."""
        key = (namespace, service)
        if key not in self._services:
            self._services[key] = ServiceMeter(*key)
        return self._services[key]

    def render(self, namespace: str = "", service: str = "") -> bytes:
        """Return everything in Prometheus' text format, or what there is of one service."""
        wanted = (namespace, service)
        chosen = [m for key, m in self._services.items() if not service or key == wanted]
        lines = (
            family("kanarya_requests_total", "counter", "Attempts on a revision"),
            *(line for meter in chosen for line in meter.requests()),
            family(SECONDS, "histogram", "Time of an attempt, to the last byte of its answer"),
            *(line for meter in chosen for line in meter.seconds()),
            family("kanarya_responses_total", "counter", "What clients saw"),
            *(line for meter in chosen for line in meter.responses()),
            family(
                "kanarya_retries_total",
                "counter",
                "Requests sent again, by the revision that gave no answer",
            ),
            *(line for meter in chosen for line in meter.retries()),
            family("kanarya_gateway_start_time_seconds", "gauge", "When it started"),
            f"kanarya_gateway_start_time_seconds {self._started_at}",
        )
        return page(lines)


def family(name: str, kind: str, about: str) -> str:
    """Return what stands above the samples of a metric."""
    return f"# HELP {name} {about}\n# TYPE {name} {kind}"


def page(lines: Iterable[str]) -> bytes:
    """Return lines as the bytes of a page."""
    return "".join(f"{line}\n" for line in lines).encode()
