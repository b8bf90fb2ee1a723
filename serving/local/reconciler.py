"""One service brought in line with its spec: read everything, decide, write what differs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from serving.errors import NotFound
from serving.local import propagation, revisions
from serving.local.addresses import Addresses
from serving.local.conditions import Condition
from serving.local.events import Events, timestamp
from serving.local.knative import State, Wanted, hold, number, settle
from serving.local.observed import STOPPED, Observed
from serving.local.propagation import Seen, Verdict
from serving.local.resources import (
    INFERENCE_SERVICE_LABEL,
    INFERENCE_SERVICES,
    KNATIVE_SERVICES,
    REVISIONS,
    Resource,
)
from serving.local.revisions import RevisionSpec
from serving.local.routes import Route, Target
from serving.local.store import Store

JSON = dict[str, Any]

STOP = "serving.kserve.io/stop"
TAG_ROUTING = "serving.kserve.io/enable-tag-routing"
METRICS_URL = "kanarya.dev/metrics-url"


@dataclass(frozen=True)
class Key:
    """The name of one InferenceService."""

    namespace: str
    name: str


class Processes(Protocol):
    """What a reconciler asks of the processes."""

    def ensure(self, spec: RevisionSpec) -> None:
        """Have a process run for this revision."""

    def stop(self, key: str) -> None:
        """Begin to end a revision's process."""

    def observed(self, key: str) -> Observed:
        """Return how a revision's process is doing."""

    def running(self) -> frozenset[str]:
        """Return the revisions that have a process."""


class Routing(Protocol):
    """What a reconciler asks of the gateway."""

    def set_route(self, route: Route) -> None:
        """Split a service's requests like this from the next one on."""

    def remove_route(self, namespace: str, service: str) -> None:
        """Forget a service."""


@dataclass(frozen=True)
class Owned:
    """What belongs to one InferenceService; `ksvc` is empty before the first good spec."""

    ksvc: JSON
    revisions: dict[str, JSON]


class Reconciler:
    """Brings services in line; every call starts from the store and may be the first one."""

    def __init__(
        self,
        store: Store,
        processes: Processes,
        routing: Routing,
        gateway_url: str,
        clock: Callable[[], datetime],
    ) -> None:
        """Work on this store and these processes, and route through this gateway."""
        self._store, self._processes, self._routing = store, processes, routing
        self._gateway_url, self._clock = gateway_url, clock
        self._events = Events(store, clock)

    def reconcile(self, key: Key) -> None:
        """Bring one service in line; it may have been deleted meanwhile."""
        isvc = self._find(INFERENCE_SERVICES, key.namespace, key.name)
        owned = self._owned(key)
        if owned.ksvc and not (isvc and revisions.owned_by(owned.ksvc, isvc["metadata"]["uid"])):
            self._forget(key, owned)
            owned = Owned({}, {})
        if isvc:
            self._bring(key, isvc, owned)
        else:
            self._routing.remove_route(key.namespace, key.name)

    def keys(self) -> frozenset[Key]:
        """Return every service that there is anything of."""
        found = [self._store.list(kind, None)[0] for kind in (INFERENCE_SERVICES, KNATIVE_SERVICES)]
        return frozenset(map(key_of, (*found[0], *found[1])))

    def tell(self, key: Key, reason: str, message: str) -> None:
        """Record a warning about a service that is still there."""
        isvc = self._find(INFERENCE_SERVICES, key.namespace, key.name)
        if isvc:
            self._events.tell(isvc, "Warning", reason, message)

    # -- one service

    def _bring(self, key: Key, isvc: JSON, owned: Owned) -> None:
        why = judge(isvc)
        draft = self._drafted(isvc, owned, why)
        before = propagation.read_state(isvc, owned.ksvc) if owned.ksvc else State()
        before = replace(before, created=revisions.newest(draft.revisions))
        self._start(key, draft, before.running() if not why.stopped else frozenset())
        state = self._settled(isvc, before, self._observe(key, draft), why)
        wanted = state.running() if not why.stopped else frozenset()
        self._start(key, draft, wanted)
        seen = Seen(state, self._observe(key, draft), self._addresses(key), self._now())
        self._routing.set_route(route_of(key, state, stopped=why.stopped))
        self._write(isvc, draft, seen, why)
        self._stop_others(key, wanted)

    def _drafted(self, isvc: JSON, owned: Owned, why: Verdict) -> Owned:
        """Return what is owned with the spec's template, and with the revision that it makes."""
        if why.refused or why.stopped:
            return owned
        name = isvc["metadata"]["name"]
        template = revisions.template_of(name, isvc["spec"]["predictor"])
        ksvc = owned.ksvc or self._created_ksvc(isvc, template)
        ksvc = {**ksvc, "spec": {**ksvc["spec"], "template": template}}
        newest = revisions.newest(owned.revisions)
        if newest and revisions.made_of(owned.revisions[newest], template):
            return Owned(ksvc, owned.revisions)
        made = revisions.revision_object(ksvc, number(newest) + 1 if newest else 1)
        return Owned(ksvc, {**owned.revisions, made["metadata"]["name"]: made})

    def _created_ksvc(self, isvc: JSON, template: JSON) -> JSON:
        metadata = {
            "name": revisions.predictor_name(isvc["metadata"]["name"]),
            "namespace": isvc["metadata"]["namespace"],
            "labels": template["metadata"]["labels"],
            "ownerReferences": [revisions.owner(isvc)],
        }
        traffic = [{"latestRevision": True, "percent": 100}]
        ksvc = {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "metadata": metadata}
        spec = {"template": template, "traffic": traffic}
        return self._store.create(KNATIVE_SERVICES, {**ksvc, "spec": spec})

    def _settled(
        self, isvc: JSON, state: State, observed: Mapping[str, Observed], why: Verdict
    ) -> State:
        if why.stopped or state.created is None:
            return state
        if why.refused:
            return hold(state, observed)
        return settle(state, wanted_of(isvc), observed)

    # -- the processes

    def _start(self, key: Key, owned: Owned, names: frozenset[str]) -> None:
        for name in sorted(names & owned.revisions.keys()):
            self._processes.ensure(revisions.spec_of(owned.revisions[name]))

    def _observe(self, key: Key, owned: Owned) -> dict[str, Observed]:
        return {
            name: self._processes.observed(f"{key.namespace}/{name}") for name in owned.revisions
        }

    def _stop_others(self, key: Key, wanted: frozenset[str]) -> None:
        prefix = f"{key.namespace}/{revisions.predictor_name(key.name)}-"
        for running in sorted(self._processes.running()):
            name = running.removeprefix(f"{key.namespace}/")
            if running.rpartition("-")[0] + "-" == prefix and name not in wanted:
                self._processes.stop(running)

    def _forget(self, key: Key, owned: Owned) -> None:
        """Remove what belonged to a service that is gone."""
        self._routing.remove_route(key.namespace, key.name)
        self._stop_others(key, frozenset())
        for name in owned.revisions:
            self._store.delete(REVISIONS, key.namespace, name)
        self._store.delete(KNATIVE_SERVICES, key.namespace, owned.ksvc["metadata"]["name"])

    # -- the store

    def _write(self, isvc: JSON, draft: Owned, seen: Seen, why: Verdict) -> None:
        ksvc = draft.ksvc
        if ksvc:
            traffic = [target.to_json() for target in seen.state.asked]
            spec = {**ksvc["spec"], "traffic": traffic}
            labels = spec["template"]["metadata"]["labels"]
            metadata = {**ksvc["metadata"], "labels": labels}
            ksvc = self._store.replace(
                KNATIVE_SERVICES, {**ksvc, "metadata": metadata, "spec": spec}
            )
            self._write_revisions(isvc, draft, seen)
            status = propagation.ksvc_status(ksvc, seen)
            self._store.replace(KNATIVE_SERVICES, {**ksvc, "status": status}, status=True)
        self._write_isvc(isvc, ksvc, seen, why)

    def _write_revisions(self, isvc: JSON, draft: Owned, seen: Seen) -> None:
        for name, revision in draft.revisions.items():
            stored = revision
            if "uid" not in revision["metadata"]:
                stored = self._store.create(REVISIONS, revision)
                self._events.tell(isvc, "Normal", "Created", f'Created revision "{name}"')
            status = propagation.revision_status(stored, seen.observed.get(name, STOPPED), seen.now)
            self._store.replace(REVISIONS, {**stored, "status": status}, status=True)

    def _write_isvc(self, isvc: JSON, ksvc: JSON, seen: Seen, why: Verdict) -> None:
        annotations = isvc["metadata"].get("annotations", {})
        url = {METRICS_URL: seen.addresses.metrics_url}
        metadata = {**isvc["metadata"], "annotations": {**annotations, **url}}
        stored = self._store.replace(INFERENCE_SERVICES, {**isvc, "metadata": metadata})
        status = propagation.isvc_status(isvc, ksvc, seen, why)
        self._store.replace(INFERENCE_SERVICES, {**stored, "status": status}, status=True)
        self._tell_changes(isvc, status, why)

    def _tell_changes(self, isvc: JSON, status: JSON, why: Verdict) -> None:
        """Record that a service became ready or not ready, or that its spec was refused."""
        before, after = isvc.get("status", {}), status
        was, now = (propagation.condition_of(each, "Ready") for each in (before, after))
        if why.refused and why.refused != propagation.condition_of(before, now.type).message:
            self._events.tell(isvc, "Warning", "InternalError", why.refused)
        elif was.status != now.status and now.status != "Unknown":
            self._tell_readiness(isvc, now)

    def _tell_readiness(self, isvc: JSON, ready: Condition) -> None:
        name = isvc["metadata"]["name"]
        if ready.status == "True":
            message = f"InferenceService [{name}] is Ready"
            self._events.tell(isvc, "Normal", "InferenceServiceReady", message)
        else:
            message = f"InferenceService [{name}] is no longer Ready: {ready.message}"
            self._events.tell(isvc, "Warning", "InferenceServiceNotReady", message)

    def _find(self, resource: Resource, namespace: str, name: str) -> JSON | None:
        try:
            return self._store.get(resource, namespace, name)
        except NotFound:
            return None

    def _owned(self, key: Key) -> Owned:
        name = revisions.predictor_name(key.name)
        ksvc = self._find(KNATIVE_SERVICES, key.namespace, name)
        found, _ = self._store.list(REVISIONS, key.namespace)
        mine = [
            each
            for each in found
            if each["metadata"]["labels"].get(revisions.CONFIGURATION) == name
        ]
        return Owned(ksvc or {}, {each["metadata"]["name"]: each for each in mine})

    def _addresses(self, key: Key) -> Addresses:
        return Addresses(self._gateway_url, key.namespace, key.name)

    def _now(self) -> str:
        return timestamp(self._clock())


def key_of(obj: Mapping[str, Any]) -> Key:
    """Return the service that an InferenceService, a ksvc or a revision belongs to."""
    metadata = obj["metadata"]
    name = metadata.get("labels", {}).get(INFERENCE_SERVICE_LABEL)
    own = obj["kind"] == INFERENCE_SERVICES.kind
    return Key(metadata["namespace"], metadata["name"] if own else name)


def judge(isvc: Mapping[str, Any]) -> Verdict:
    """Return whether, and why not, the spec can be put into force."""
    predictor = isvc["spec"]["predictor"]
    stopped = isvc["metadata"].get("annotations", {}).get(STOP) == "true"
    wrong = revisions.refusal(predictor)
    percent = revisions.percent_refusal(predictor.get("canaryTrafficPercent"))
    return Verdict(refused=wrong or percent, stopped=stopped, invalid=wrong is not None)


def wanted_of(isvc: Mapping[str, Any]) -> Wanted:
    """Return what the spec says about traffic."""
    percent = isvc["spec"]["predictor"].get("canaryTrafficPercent")
    annotations = isvc["metadata"].get("annotations", {})
    return Wanted(percent, tagged=annotations.get(TAG_ROUTING) == "true")


def route_of(key: Key, state: State, *, stopped: bool) -> Route:
    """Return what the gateway is told; a stopped service has no targets."""
    served = () if stopped else state.served
    targets = tuple(Target(t.revision, t.percent, t.tag) for t in served if t.revision)
    return Route(key.namespace, key.name, targets, state.rolledout)
