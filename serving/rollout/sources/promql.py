"""What Prometheus is asked: one expression that gives every counter of one moment.

Parts that were asked one after the other could stand on both sides of a scrape, and show more
errors than requests. So they are one expression, told apart by the label `part`:

    at        when the newest sample of each pod was scraped (seconds since 1970)
    code      requests by status             seconds     cumulative buckets of their latency
    label     predicted rows by class        confidence  cumulative buckets of their probability
    samples   of each pod in five minutes    copies      series of each pod where one is right
    up        1 where a scrape succeeded     born        when a process, or its pod, was made

Sums are over the series of one process only, which begin anew together; sums over pods would fall
when a pod goes, and rise when one comes that is not new.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from serving.rollout.sources.counters import CODE, CONFIDENCE, LABEL, SECONDS

WINDOW_S = 300
PODS = "revision,pod,job,instance"
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")


@dataclass(frozen=True)
class Part:
    """One sort of counter: its metric, the label that its key is in, and what a bound is times."""

    name: str
    metric: str
    label: str
    scale: float = 1.0


@dataclass(frozen=True)
class Dialect:
    """How one exporter names what we want; `{namespace}` and `{names}` are filled in.

    matchers    select the series of the revisions
    labelled    gives them the labels `revision` and `pod`; `{series}` are the series
    within      labels that tell series of one process apart
    """

    title: str
    parts: tuple[Part, ...]
    matchers: str
    labelled: str
    within: str


_RENAMED = 'label_replace({series},"{new}","$1","{old}","(.+)")'


def _renamed(series: str, revision: str, pod: str) -> str:
    once = _RENAMED.replace("{series}", series).replace("{new}", "revision")
    twice = _RENAMED.replace("{series}", once.replace("{old}", revision)).replace("{new}", "pod")
    return twice.replace("{old}", pod)


def _queue_proxy(title: str, metric: str) -> Dialect:
    return Dialect(
        title,
        (
            Part(CODE, f"{metric}_count", "response_code"),
            Part(SECONDS, f"{metric}_latencies_bucket", "le", 0.001),
        ),
        'namespace_name="{namespace}",revision_name=~"{names}"',
        _renamed("{series}", "revision_name", "pod_name"),
        "response_code,response_code_class,route_tag",
    )


_INFO = 'target_info{k8s_namespace_name="{namespace}",kn_revision_name=~"{names}"}'
OPENTELEMETRY = Dialect(
    "Knative's queue-proxy since 1.19",
    (
        Part(CODE, "http_server_request_duration_seconds_count", "http_response_status_code"),
        Part(SECONDS, "http_server_request_duration_seconds_bucket", "le"),
    ),
    # Knative's queue-proxy alone gives its requests this label.
    'kn_route_tag!=""',
    "{series}*on(job,instance)group_left(revision,pod)"
    f"max by({PODS})({_renamed(_INFO, 'kn_revision_name', 'k8s_pod_name')})",
    "http_response_status_code,http_request_method,http_route,kn_route_tag,network_protocol_name,"
    "network_protocol_version,server_address,server_port,url_scheme",
)
# Knative's Deployments are named so; in Standard mode a revision is a Deployment itself. Looser
# patterns would take the pods of a service `iris-predictor` for those of `iris`.
_POD = "({names})(?:-deployment)?-[a-z0-9]+-[a-z0-9]+"
_OURS = f'namespace="{{namespace}}",pod=~"{_POD}"'
_BY_POD = f'label_replace({{series}},"revision","$1","pod","{_POD}")'
PREDICTOR = Dialect(
    "our predictor",
    (
        Part(CODE, "kanarya_predictor_requests_total", "code"),
        Part(SECONDS, "kanarya_predictor_request_seconds_bucket", "le"),
    ),
    _OURS,
    _BY_POD,
    "code,protocol",
)
PREDICTIONS = Dialect(
    "our predictor's predictions",
    (
        Part(LABEL, "kanarya_predictions_total", "label"),
        Part(CONFIDENCE, "kanarya_prediction_confidence_bucket", "le"),
    ),
    _OURS,
    _BY_POD,
    "label",
)
REQUESTS = (
    _queue_proxy("Knative's queue-proxy before 1.19", "revision_request"),
    OPENTELEMETRY,
    _queue_proxy("Knative's queue-proxy, the application alone", "revision_app_request"),
    PREDICTOR,
)
"""The dialects in which requests are told; the first that has series is used."""


def expression(dialect: Dialect, namespace: str, revisions: Collection[str]) -> str:
    """Return the PromQL of one look. Raises ValueError for names that Kubernetes does not allow."""
    for name in (namespace, *revisions):
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name of Kubernetes")
    # The longest first: a pattern takes the first of several that fit.
    names = "|".join(sorted(revisions, key=lambda name: (-len(name), name)))
    whole = "\nor ".join(_marked(part, series) for part, series in _series(dialect))
    return whole.replace("{namespace}", namespace).replace("{names}", names)


def _series(dialect: Dialect) -> Iterable[tuple[str, str]]:
    first = f"{dialect.parts[0].metric}{{{dialect.matchers}}}"
    yield "at", f"min by({PODS})({_labelled(dialect, f'timestamp({first})')})"
    for part in dialect.parts:
        series = f"{part.metric}{{{dialect.matchers}}}"
        yield part.name, f"sum by({PODS},{part.label})({_labelled(dialect, series)})"
    counted = _labelled(dialect, f"count_over_time({first}[{WINDOW_S}s])")
    yield "samples", f"max by({PODS})({counted})"
    once = f"max without({dialect.within})({_labelled(dialect, first)})"
    yield "copies", f"count by(revision,pod)({once})"
    yield "up", f"max by(job,instance)(up{{{_OURS}}})"
    yield "born", f"max by(job,instance)(process_start_time_seconds{{{_OURS}}})"
    yield "born", f"max by(pod)(kube_pod_created{{{_OURS}}})"


def _labelled(dialect: Dialect, series: str) -> str:
    return dialect.labelled.replace("{series}", series)


def _marked(part: str, series: str) -> str:
    return f'label_replace({series},"part","{part}","","")'
