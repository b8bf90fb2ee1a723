"""Where the numbers of a rollout come from. A source that cannot tell says so; it never guesses."""

from __future__ import annotations

import math
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from http.client import HTTPException
from itertools import pairwise
from typing import Protocol

from serving.isvc.resource import METRICS_URL, ServiceView
from serving.rollout.observation import Counts, NotMeasured, Observation

REQUESTS = "kanarya_requests_total"
SECONDS = "kanarya_request_seconds_bucket"
EPOCH = "kanarya_gateway_start_time_seconds"

Sample = tuple[str, Mapping[str, str], float]


class Source(Protocol):
    """Something that counts requests by revision."""

    def observe(self, view: ServiceView, now: float) -> Observation | NotMeasured:
        """Return the counters of the service's revisions as they are at this moment."""


class GatewaySource:
    """The gateway's Prometheus text, at the address that the service's own annotation gives."""

    def __init__(self, url: str | None = None, timeout_s: float = 2.0) -> None:
        self.url = url
        self.timeout_s = timeout_s

    def observe(self, view: ServiceView, now: float) -> Observation | NotMeasured:
        """Return what the gateway counted; NotMeasured where it is down, slow or not ours."""
        url = self.url or view.annotations.get(METRICS_URL)
        if not url:
            return NotMeasured(f"{view.name} has no annotation {METRICS_URL}")
        try:
            return _parsed(_fetch(url, self.timeout_s), view, now)
        except (OSError, HTTPException) as error:
            return NotMeasured(f"no metrics from {url} ({getattr(error, 'reason', error)})")
        except (ValueError, OverflowError, KeyError) as error:
            return NotMeasured(f"the metrics of {url} cannot be read ({error})")


def _fetch(url: str, timeout_s: float) -> str:
    if not url.startswith(("http://", "https://")):
        raise ValueError("not an http address")
    # A proxy of the environment knows neither loopback nor a cluster's own names.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=timeout_s) as answer:
        body: bytes = answer.read()
    return body.decode("utf-8")


def _parsed(text: str, view: ServiceView, now: float) -> Observation:
    epoch: float | None = None
    ours: list[Sample] = []
    for name, labels, value in _samples(_relevant(text, view.name)):
        if name == EPOCH:
            epoch = value
        elif labels.get("service") == view.name and labels.get("namespace") == view.namespace:
            ours.append((name, labels, value))
    if epoch is None or not math.isfinite(epoch):
        raise ValueError(f"it has no {EPOCH}")
    return Observation(epoch, now, _counted(ours))


def _relevant(text: str, service: str) -> str:
    """Keep the lines of one service, so that a look costs the same beside a hundred others."""
    wanted = f'service="{service}"'
    lines = text.splitlines()
    return "\n".join(x for x in lines if wanted in x or x.startswith(EPOCH)) + "\n"


def _samples(text: str) -> Iterator[Sample]:
    from prometheus_client.parser import text_string_to_metric_families

    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            yield sample.name, sample.labels, sample.value


def _counted(samples: Iterable[Sample]) -> dict[str, Counts]:
    requests: Counter[str] = Counter()
    errors: Counter[str] = Counter()
    cumulative: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for name, labels, value in samples:
        revision = labels.get("revision", "")
        if name == REQUESTS:
            requests[revision] += int(value)
            errors[revision] += int(value) if int(labels["code"]) >= 500 else 0
        elif name == SECONDS:
            cumulative[revision].append((float(labels["le"]), int(value)))
    return {
        revision: _counts(requests[revision], errors[revision], sorted(cumulative[revision]))
        for revision in {*requests, *cumulative}
    }


def _counts(requests: int, errors: int, cumulative: list[tuple[float, int]]) -> Counts:
    totals = [0, *(total for _, total in cumulative)]
    buckets = tuple(after - before for before, after in pairwise(totals))
    return Counts(requests, errors, buckets, tuple(bound for bound, _ in cumulative))
