"""What is live, in the same words for both of KServe's modes: revisions and their shares.

In Knative mode the status says so itself. In Standard mode a revision is a Deployment with a
Service of its own, `iris-predictor` or (with a predictor's name) `iris-v2-predictor`, which is
also what metrics call it. The status there tells of the canaries alone, and the controller has
just made the weights of the route from it: each ready canary has its percent, the stable one has
the rest. So the shares are read from the status, never from the spec.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_LOAD_FAILED = {"BlockedByFailedLoad", "InvalidSpec"}
_CONDITIONS = ("CanaryPredictorReady", "PredictorReady", "IngressReady", "Ready")

Part = Mapping[str, Any]
UrlOf = Callable[[str], str]


@dataclass(frozen=True)
class TrafficTarget:
    """One line of the live traffic block; `latest` is the newest revision's."""

    revision: str
    percent: int
    tag: str | None = None
    latest: bool = False
    url: str | None = None


@dataclass(frozen=True)
class Live:
    """The revisions of a service and what each of them gets at this moment."""

    created: str = ""
    ready: str = ""
    rolled_out: str = ""
    previous: str = ""
    traffic: tuple[TrafficTarget, ...] = ()
    failure: str | None = None


def deployment(service: str, predictor: str) -> str:
    """Return the name of a predictor's Deployment and Service in Standard mode."""
    return f"{service}-{predictor}-predictor" if predictor else f"{service}-predictor"


def knative_live(status: Part) -> Live:
    """Return what `status.components.predictor` says."""
    found = (status.get("components") or {}).get("predictor") or {}
    return Live(
        created=found.get("latestCreatedRevision", ""),
        ready=found.get("latestReadyRevision", ""),
        rolled_out=found.get("latestRolledoutRevision", ""),
        previous=found.get("previousRolledoutRevision", ""),
        traffic=tuple(_target(line) for line in found.get("traffic") or ()),
        failure=_model_failure(status, status),
    )


def standard_live(service: str, spec: Part, status: Part, url_of: UrlOf) -> Live:
    """Return what the Deployments that the spec asks for have; `url_of` is where each answers.

    A service that has once loaded a model is live, whatever its Ready condition says since: that
    one flips when a node is drained. KServe keeps no revision to go back to, so `previous` is "".
    """
    stable = deployment(service, (spec.get("predictor") or {}).get("name") or "")
    asked = [deployment(service, each["predictor"].get("name") or "") for each in canaries(spec)]
    said = {deployment(service, each["name"]): each for each in status.get("canaryStatuses") or ()}
    newest = asked[-1] if asked else stable
    loaded = _has_loaded(status)
    up = said.get(newest, {}).get("ready") if asked else ready(status)
    return Live(
        created=newest,
        ready=newest if up else stable if loaded else "",
        rolled_out=stable if loaded else "",
        traffic=tuple(_shares(stable if loaded else "", said, url_of, alone=not asked)),
        failure=_canary_failure(spec, status, said.get(newest, {})),
    )


def canaries(spec: Part) -> tuple[Part, ...]:
    """Return the entries of `spec.canary`."""
    return tuple(spec.get("canary") or ())


def ready(status: Part) -> bool | None:
    """Return the Ready condition; None while it is Unknown or not there."""
    return {"True": True, "False": False}.get(_condition(status, "Ready").get("status", ""))


def complaint(status: Part) -> str | None:
    """Return what the controller says is wrong at this moment; it may pass by itself."""
    for kind in _CONDITIONS:
        found = _condition(status, kind)
        if found.get("status") == "False":
            said = [part for part in (found.get("reason"), found.get("message")) if part]
            return ": ".join(said) or f"{kind} is False"
    return None


def _shares(
    stable: str, said: Mapping[str, Part], url_of: UrlOf, *, alone: bool
) -> Iterator[TrafficTarget]:
    # A canary with the stable one's name was promoted a moment ago: who has the rest, nobody says.
    if stable and stable not in said:
        rest = 100 - sum(map(_percent, said.values()))
        latest = alone and not said
        yield TrafficTarget(stable, rest, latest=latest, url=url_of(stable))
    for name, each in said.items():
        yield TrafficTarget(name, _percent(each), latest=True, url=url_of(name))


def _percent(canary: Part) -> int:
    """Return a canary's share; the route leaves out those that are not ready."""
    return int(canary.get("trafficPercent") or 0) if canary.get("ready") else 0


def _target(line: Part) -> TrafficTarget:
    return TrafficTarget(
        revision=line.get("revisionName", ""),
        percent=line.get("percent") or 0,
        tag=line.get("tag"),
        latest=bool(line.get("latestRevision")),
        url=line.get("url"),
    )


def _condition(status: Part, kind: str) -> Part:
    return next((c for c in status.get("conditions") or () if c.get("type") == kind), {})


def _has_loaded(status: Part) -> bool:
    states = (status.get("modelStatus") or {}).get("states") or {}
    return states.get("activeModelState") == "Loaded" or ready(status) is True


def _canary_failure(spec: Part, status: Part, said: Part) -> str | None:
    """Return why the newest Deployment could not load its model; None while it may still succeed.

    Of the stable predictor it is believed only while it has its first name: where a failed model
    was replaced, the status is the old one's until the controller has looked, and does not say so.
    """
    if canaries(spec):
        return _model_failure(said, {})
    renamed = (spec.get("predictor") or {}).get("name")
    return None if renamed else _model_failure(status, status)


def _model_failure(holder: Part, status: Part) -> str | None:
    model = holder.get("modelStatus") or {}
    failed = (model.get("states") or {}).get("targetModelState") == "FailedToLoad"
    if not failed and model.get("transitionStatus") not in _LOAD_FAILED:
        return None
    info = model.get("lastFailureInfo") or {}
    code = f"exit code {info['exitCode']}" if info.get("exitCode") else ""
    said = [part for part in (info.get("reason"), code, info.get("message")) if part]
    return ", ".join(said) or complaint(status) or "the model could not be loaded"
