"""The local gateway's own counters: all requests of all revisions, on one page."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from urllib.parse import urlencode

from serving.isvc.resource import METRICS_URL, ServiceView
from serving.rollout.observation import NotMeasured, Observation
from serving.rollout.sources.counters import CODE, SECONDS, Key, bound, counts, whole
from serving.rollout.sources.fetching import Limits, Unreadable, fetch, shown
from serving.rollout.sources.text import Sample, lines_with, samples

REQUESTS = "kanarya_requests_total"
BUCKETS = "kanarya_request_seconds_bucket"
EPOCH = "kanarya_gateway_start_time_seconds"
LIMITS = Limits()


class GatewaySource:
    """The gateway's Prometheus text, at the address that the service's own annotation gives."""

    def __init__(self, url: str | None = None, limits: Limits = LIMITS) -> None:
        self.url = url
        self.limits = limits

    def observe(self, view: ServiceView, now: float) -> Observation | NotMeasured:
        """Return what the gateway counted; NotMeasured where it is down, slow or not ours."""
        url = self.url or view.annotations.get(METRICS_URL)
        if not url:
            return NotMeasured(f"{view.name} has no annotation {METRICS_URL}")
        try:
            return _parsed(fetch(_of(url, view), self.limits), view, now)
        except Unreadable as error:
            return NotMeasured(str(error))
        except ValueError as error:
            return NotMeasured(
                f"the metrics of {shown(url)} cannot be read ({error}); "
                f"give the gateway's address in the annotation {METRICS_URL}"
            )


def _of(url: str, view: ServiceView) -> str:
    """Return the address of what the gateway counts of one service; others would not be read."""
    one = urlencode({"namespace": view.namespace, "service": view.name})
    return f"{url}{'&' if '?' in url else '?'}{one}"


def _parsed(page: bytes, view: ServiceView, now: float) -> Observation:
    epochs = [s.value for s in samples(lines_with(page, EPOCH.encode())) if s.name == EPOCH]
    if not epochs or not math.isfinite(epochs[0]):
        raise ValueError(f"it has no {EPOCH}")
    lines = lines_with(page, f'service="{view.name}"'.encode())
    ours = [s for s in samples(lines) if s.labels.get("namespace") == view.namespace]
    by_revision: dict[str, Counter[Key]] = defaultdict(Counter)
    for revision, key, count in _counted(ours):
        by_revision[revision][key] += count
    found = {revision: counts(counters) for revision, counters in by_revision.items()}
    return Observation(epochs[0], now, found)


def _counted(ours: Iterable[Sample]) -> Iterable[tuple[str, Key, int]]:
    for name, labels, value in ((s.name, s.labels, s.value) for s in ours):
        revision = labels.get("revision", "")
        if name == REQUESTS:
            yield revision, (CODE, labels.get("code", "")), whole(value, name)
        elif name == BUCKETS:
            yield revision, (SECONDS, bound(labels.get("le", ""))), whole(value, name)
