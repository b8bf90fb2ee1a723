"""What the live models say of themselves: errors, latency, and rollouts that wait for a person."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from pipelines.alerts import labelled
from pipelines.alerts.deciding import Measured, Unknown
from pipelines.alerts.outbox import Outbox
from pipelines.alerts.signals import ERRORS, HELD, LEAST_RATE, P99, WINDOW_S, WORSE
from serving.errors import KanaryaError, ServiceError
from serving.isvc.resource import ServiceView
from serving.rollout.observation import Counts, Observation
from serving.rollout.sources import ChosenSource, Source
from serving.rollout.state import Phase, Rollout, live_version, rollout_of

if TYPE_CHECKING:
    from serving.settings import Settings

SHORTEST_S = 60.0
"""Over less nothing is said: a burst of errors is no rate."""
SIGNALS = (ERRORS.name, P99.name, HELD.name)
"""Of a service; what labels say of it is known by itself."""
_WAITS = {Phase.HELD: "It is held", Phase.APPROVAL: "It waits for an approval"}

Found = Iterator[Measured | Unknown]


def measured(
    settings: Settings, outbox: Outbox, now: datetime, known: labelled.Known | None = None
) -> Found:
    """Yield what is known of every service; where the API server is away that is nothing.

    `known`: who knows what was measured of a version before it was live; None: the runs here.
    """
    from serving.isvc.client import connect, is_known

    if not is_known(settings.kubeconfig):
        return
    try:
        views = connect(settings.kubeconfig, settings.namespace).list()
    except ServiceError as error:
        yield from (Unknown(name, str(error)) for name in (*SIGNALS, WORSE.name))
        return
    for view in views:
        source = _source(settings, view.namespace, view.name)
        yield from of_service(view, source, outbox, now.timestamp())
        yield from _labelled(settings, view, known)


@lru_cache(maxsize=1024)
def _source(settings: Settings, namespace: str, name: str) -> Source:
    """Return the source of a service, one for all looks: it adds up what Prometheus tells."""
    return ChosenSource(settings)


def of_service(view: ServiceView, source: Source, outbox: Outbox, now: float) -> Found:
    """Yield what is known of a service; the counters are kept for the next look at it."""
    labels = {"model": view.name}
    try:
        state = rollout_of(view)
        yield from waiting(state, now)
        seen = source.observe(view, now)
    except KanaryaError as error:
        yield from (Unknown(name, str(error), labels) for name in SIGNALS)
        return
    if not isinstance(seen, Observation):
        yield from (Unknown(name, seen.reason, labels) for name in (ERRORS.name, P99.name))
        return
    yield from _since(view, state, seen, outbox)


def _labelled(settings: Settings, view: ServiceView, known: labelled.Known | None) -> Found:
    try:
        yield from labelled.measured(settings, view.name, live_version(view) or "", known)
    except KanaryaError as error:
        yield Unknown(WORSE.name, str(error), {"model": view.name})


def waiting(state: Rollout | None, now: float) -> Iterator[Measured]:
    """Yield for how long a rollout has waited for a person, where it does."""
    if state is None or state.phase not in _WAITS:
        return
    labels = {"model": state.service, "version": state.version}
    detail = f"{_WAITS[state.phase]}: {state.reason}" if state.reason else ""
    yield Measured(HELD.name, max(now - state.since, 1.0), labels, detail)


def _since(
    view: ServiceView, state: Rollout | None, seen: Observation, outbox: Outbox
) -> Iterator[Measured]:
    name = f"{view.namespace}/{view.name}"
    found = outbox.reading(name, seen.at - WINDOW_S)
    outbox.read(name, seen.at, json.dumps(seen.to_json()))
    before = Observation.from_json(json.loads(found[1])) if found else None
    if before is None or not seen.continues(before) or seen.at - before.at < SHORTEST_S:
        return
    versions = _versions(view, state)
    for revision, counts in seen.revisions.items():
        labels = {"model": view.name, "version": versions.get(revision, revision)}
        yield from rates(counts.since(before.of(revision)), seen.at - before.at, labels)


def rates(counts: Counts, seconds: float, labels: Mapping[str, str]) -> Iterator[Measured]:
    """Yield errors and latency of what was asked in some seconds, where that was enough."""
    if counts.requests <= LEAST_RATE * seconds:
        return
    yield Measured(ERRORS.name, counts.error_rate, labels)
    p99 = counts.quantile(0.99)
    if p99 == p99:  # there are times
        yield Measured(P99.name, p99, labels)


def _versions(view: ServiceView, state: Rollout | None) -> dict[str, str]:
    """Return the version of each revision that is known."""
    known = {view.rolled_out: live_version(view)}
    if state is not None:
        known |= {state.stable: state.from_version, state.canary: state.version}
    return {revision: version for revision, version in known.items() if version}
