"""A small model of KServe's Knative mode (facts A.2) in memory, with its clock and its traffic.

It obeys the Services protocol: resourceVersion, merge patches, 404, 409. Its status follows only
when time passes (`tick`), as a controller's does, so whoever trusts a stale status is found out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from serving.errors import AlreadyExists, Conflict, NotFound
from serving.isvc.facts import Facts
from serving.isvc.resource import ServiceView, view_of
from serving.rollout.observation import Counts, NotMeasured, Observation

BOUNDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.5, float("inf"))


@dataclass
class Behaviour:
    """How the model behind a uri does."""

    load_s: float = 1.0
    load_failure: str | None = None
    error_rate: float = 0.0
    latency_s: float = 0.004
    disagreement: float = 0.0


@dataclass
class Revision:
    name: str
    uri: str
    ready_at: float
    annotations: str = ""
    requests: float = 0.0
    errors: float = 0.0
    slow: dict[int, float] = field(default_factory=dict)


def copied(body: Any) -> Any:
    """Return a body as the wire brings it, in a tenth of the time of `copy.deepcopy`."""
    return json.loads(json.dumps(body))


class FakeCluster:
    namespace = "test"

    def __init__(self, requests_per_s: float = 1000.0) -> None:
        self.now = 1000.0
        self.requests_per_s = requests_per_s
        self.behaviours: dict[str, Behaviour] = {}
        self.objects: dict[str, dict[str, Any]] = {}
        self.revisions: dict[str, list[Revision]] = {}
        self.patches: list[dict[str, Any]] = []
        self.splits: list[dict[str, int]] = []
        self.about = Facts(knative=True, local=True)
        self.copies_annotations = False
        self._version = 0

    # The four verbs

    def get(self, name: str) -> ServiceView | None:
        return view_of(copied(self.objects[name])) if name in self.objects else None

    def create(self, manifest: Mapping[str, Any]) -> ServiceView:
        name = manifest["metadata"]["name"]
        if name in self.objects:
            raise AlreadyExists(f"{name}: there is one already.")
        self.objects[name] = copied(dict(manifest))
        self.objects[name]["metadata"].update(uid=f"uid-{name}", generation=1)
        self.revisions[name] = []
        return self._written(name)

    def patch(self, name: str, patch: Mapping[str, Any]) -> ServiceView:
        if name not in self.objects:
            raise NotFound(f"{name}: there is none.")
        body = self.objects[name]
        sent = patch.get("metadata", {}).get("resourceVersion")
        if sent is not None and sent != body["metadata"]["resourceVersion"]:
            raise Conflict(f"{name}: you sent {sent}. Read it again, then patch.")
        before = copied(body["spec"])
        merge(body, copied(dict(patch)))
        if body["spec"] != before:
            body["metadata"]["generation"] += 1
        self.patches.append(copied(dict(patch)))
        return self._written(name)

    def delete(self, name: str) -> None:
        if name not in self.objects:
            raise NotFound(f"{name}: there is none.")
        del self.objects[name], self.revisions[name]

    def facts(self) -> Facts:
        return self.about

    def _written(self, name: str) -> ServiceView:
        self._version += 1
        self.objects[name]["metadata"]["resourceVersion"] = str(self._version)
        return view_of(copied(self.objects[name]))

    # The passing of time

    def tick(self, seconds: float) -> None:
        self.now += seconds
        for name in self.objects:
            self._reconcile(name)
            self._serve(name, seconds)

    def _reconcile(self, name: str) -> None:
        body, revisions = self.objects[name], self.revisions[name]
        predictor = body["spec"]["predictor"]
        uri = predictor["model"]["storageUri"]
        seen = str(body["metadata"]["annotations"]) if self.copies_annotations else ""
        if not revisions or (revisions[-1].uri, revisions[-1].annotations) != (uri, seen):
            ready_at = self.now + self.behaviour(uri).load_s
            new = f"{name}-predictor-{len(revisions) + 1:05}"
            revisions.append(Revision(new, uri, ready_at, seen))
        before = copied(body.get("status"))
        status = body.setdefault("status", {"components": {"predictor": {}}})
        for _ in range(4):
            propagate(status["components"]["predictor"], self._ksvc(name, status))
        status.update(self._health(name))
        if status != before:
            self._written(name)

    def _ksvc(self, name: str, status: dict[str, Any]) -> dict[str, Any]:
        ready = [r.name for r in self.revisions[name] if self._is_ready(r)]
        live, percent = status["components"]["predictor"], self._percent(name)
        rolled_out = live.get("latestRolledoutRevision")
        traffic = []
        if ready:
            percent = 100 if percent is None or not rolled_out else percent
            latest = {"latestRevision": True, "percent": percent, "tag": "latest"}
            traffic.append(
                {**latest, "revisionName": ready[-1], "url": f"http://127.0.0.1:9/latest-{name}"}
            )
        if ready and percent < 100:
            rest = {"latestRevision": False, "percent": 100 - percent, "tag": "prev"}
            traffic.append(
                {**rest, "revisionName": rolled_out, "url": f"http://127.0.0.1:9/prev-{name}"}
            )
        return {
            "latestCreatedRevision": self.revisions[name][-1].name,
            **({"latestReadyRevision": ready[-1]} if ready else {}),
            "traffic": traffic,
        }

    def _health(self, name: str) -> dict[str, Any]:
        newest = self.revisions[name][-1]
        failure = self.behaviour(newest.uri).load_failure
        ready = "True" if self._is_ready(newest) else "False" if failure else "Unknown"
        model: dict[str, Any] = {
            "transitionStatus": "UpToDate" if ready == "True" else "InProgress"
        }
        if failure:
            model = {
                "transitionStatus": "BlockedByFailedLoad",
                "lastFailureInfo": {"reason": "ModelLoadFailed", "exitCode": 1, "message": failure},
            }
        return {"conditions": [{"type": "Ready", "status": ready}], "modelStatus": model}

    def _serve(self, name: str, seconds: float) -> None:
        live = self.objects[name]["status"]["components"]["predictor"]
        split = {r.name: 0 for r in self.revisions[name]}
        for line in live["traffic"]:
            split[line["revisionName"]] += line["percent"]
        if not self.splits or self.splits[-1] != split:
            self.splits.append(split)
        for revision in self.revisions[name]:
            self._count(revision, self.requests_per_s * seconds * split[revision.name] / 100)

    def _count(self, revision: Revision, requests: float) -> None:
        how = self.behaviour(revision.uri)
        bucket = next(i for i, bound in enumerate(BOUNDS) if how.latency_s <= bound)
        revision.requests += requests
        revision.errors += requests * how.error_rate
        revision.slow[bucket] = revision.slow.get(bucket, 0.0) + requests

    def _percent(self, name: str) -> int | None:
        return self.objects[name]["spec"]["predictor"].get("canaryTrafficPercent")

    def _is_ready(self, revision: Revision) -> bool:
        return not self.behaviour(revision.uri).load_failure and revision.ready_at <= self.now

    def behaviour(self, uri: str) -> Behaviour:
        return self.behaviours.setdefault(uri, Behaviour())

    # What tests ask

    def live(self, name: str) -> dict[str, int]:
        """Percent by uri."""
        uris = {revision.name: revision.uri for revision in self.revisions[name]}
        view = self.get(name)
        assert view is not None
        shares: dict[str, int] = {}
        for target in view.traffic:
            uri = uris[target.revision]
            shares[uri] = shares.get(uri, 0) + target.percent
        return {uri: percent for uri, percent in shares.items() if percent}


def propagate(live: dict[str, Any], ksvc: dict[str, Any]) -> None:
    """KServe's PropagateStatus, its rollback inference included."""
    live.update(ksvc)
    created, ready = live["latestCreatedRevision"], live.get("latestReadyRevision")
    for target in [line for line in ksvc["traffic"] if line["latestRevision"]]:
        if target["revisionName"] != ready:
            continue
        rolled_out = live.get("latestRolledoutRevision")
        previous = live.get("previousRolledoutRevision")
        whole = sum(x["percent"] for x in ksvc["traffic"] if x["revisionName"] == ready) == 100
        if rolled_out != ready and target["percent"] == 100:
            live["latestRolledoutRevision"] = ready
            if rolled_out:
                live["previousRolledoutRevision"] = rolled_out
        elif rolled_out == ready == created and target["percent"] < 100 and whole and previous:
            live["latestRolledoutRevision"] = previous


def merge(target: dict[str, Any], patch: dict[str, Any]) -> None:
    """RFC 7396, in place."""
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, dict):
            child = target.setdefault(key, {})
            merge(child, value)
        else:
            target[key] = value


class FakeSource:
    """The gateway's counters of a FakeCluster."""

    def __init__(self, cluster: FakeCluster) -> None:
        self.cluster = cluster
        self.down: Callable[[float], bool] = lambda now: False
        self.epoch = 1.0

    def observe(self, view: ServiceView, now: float) -> Observation | NotMeasured:
        if self.down(now):
            return NotMeasured("no metrics from http://gateway/metrics (Connection refused)")
        revisions = self.cluster.revisions[view.name]
        return Observation(self.epoch, now, {r.name: _counts(r) for r in revisions})


def _counts(revision: Revision) -> Counts:
    buckets = tuple(int(revision.slow.get(index, 0.0)) for index in range(len(BOUNDS)))
    return Counts(int(revision.requests), int(revision.errors), buckets, BOUNDS)


class FakeRecorder:
    """A registry that keeps one entry a version, as the real one's aliases and tags do."""

    def __init__(self) -> None:
        self.written: dict[str, str] = {}
        self.calls: list[tuple[str, str]] = []

    def promoted(self, name: str, version: str, evidence: tuple[str, ...]) -> None:
        self._write(version, "promoted")

    def rolled_back(self, name: str, version: str, reason: str) -> None:
        self._write(version, "rolled back")

    def _write(self, version: str, verdict: str) -> None:
        self.calls.append((version, verdict))
        self.written[version] = verdict
