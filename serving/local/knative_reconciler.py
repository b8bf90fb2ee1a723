"""One service in Knative mode brought in line: read everything, decide, write what differs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from serving.local import propagation, revisions
from serving.local.cluster import Cluster, Key, annotations_of, is_stopped, key_of
from serving.local.knative import State, Wanted, hold, number, settle
from serving.local.observed import STOPPED, Observed
from serving.local.propagation import Seen, Verdict
from serving.local.resources import KNATIVE_SERVICES, REVISIONS
from serving.local.routes import Route, Target

JSON = dict[str, Any]

TAG_ROUTING = "serving.kserve.io/enable-tag-routing"


@dataclass(frozen=True)
class Owned:
    """What belongs to one InferenceService; `ksvc` is empty before the first good spec."""

    ksvc: JSON
    revisions: dict[str, JSON]


class KnativeReconciler:
    """Brings services in line; every call starts from the store and may be the first one."""

    def __init__(self, cluster: Cluster) -> None:
        """Work on this cluster."""
        self._cluster = cluster
        self._store, self._processes = cluster.store, cluster.processes

    def bring(self, key: Key, isvc: JSON) -> None:
        """Bring one service in line."""
        self._bring(key, isvc, self._owned(key))

    def forget(self, key: Key, uid: str | None) -> None:
        """Remove what belonged to another service than the one of this uid."""
        owned = self._owned(key)
        if owned.ksvc and not (uid and revisions.owned_by(owned.ksvc, uid)):
            self._remove(key, owned)

    def keys(self) -> frozenset[Key]:
        """Return every service that there is anything of."""
        return frozenset(map(key_of, self._store.list(KNATIVE_SERVICES, None)[0]))

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
        seen = Seen(
            state, self._observe(key, draft), self._cluster.addresses(key), self._cluster.now()
        )
        self._cluster.routing.set_route(route_of(key, state, stopped=why.stopped))
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
            stem, _, generation = running.rpartition("-")
            if f"{stem}-" == prefix and generation.isdigit() and name not in wanted:
                self._processes.stop(running)

    def _remove(self, key: Key, owned: Owned) -> None:
        self._cluster.routing.remove_route(key.namespace, key.name)
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
        status = propagation.isvc_status(isvc, ksvc, seen, why)
        self._cluster.write_isvc(isvc, status, why)

    def _write_revisions(self, isvc: JSON, draft: Owned, seen: Seen) -> None:
        for name, revision in draft.revisions.items():
            stored = revision
            if "uid" not in revision["metadata"]:
                stored = self._store.create(REVISIONS, revision)
                self._cluster.events.tell(isvc, "Normal", "Created", f'Created revision "{name}"')
            status = propagation.revision_status(stored, seen.observed.get(name, STOPPED), seen.now)
            self._store.replace(REVISIONS, {**stored, "status": status}, status=True)

    def _owned(self, key: Key) -> Owned:
        name = revisions.predictor_name(key.name)
        ksvc = self._cluster.find(KNATIVE_SERVICES, key.namespace, name)
        found, _ = self._store.list(REVISIONS, key.namespace)
        mine = [
            each
            for each in found
            if each["metadata"]["labels"].get(revisions.CONFIGURATION) == name
        ]
        return Owned(ksvc or {}, {each["metadata"]["name"]: each for each in mine})


def judge(isvc: Mapping[str, Any]) -> Verdict:
    """Return whether, and why not, the spec can be put into force."""
    predictor = isvc["spec"]["predictor"]
    wrong = revisions.refusal(predictor)
    percent = revisions.percent_refusal(predictor.get("canaryTrafficPercent"))
    return Verdict(refused=wrong or percent, stopped=is_stopped(isvc), invalid=wrong is not None)


def wanted_of(isvc: Mapping[str, Any]) -> Wanted:
    """Return what the spec says about traffic."""
    percent = isvc["spec"]["predictor"].get("canaryTrafficPercent")
    return Wanted(percent, tagged=annotations_of(isvc).get(TAG_ROUTING) == "true")


def route_of(key: Key, state: State, *, stopped: bool) -> Route:
    """Return what the gateway is told; a stopped service has no targets."""
    served = () if stopped else state.served
    targets = tuple(Target(t.revision, t.percent, t.tag) for t in served if t.revision)
    return Route(key.namespace, key.name, targets, state.rolledout)
