"""Conditions, as Knative and KServe write them: what is so, since when, and why not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from serving.local.knative import State, share
from serving.local.observed import STOPPED, Observed, Phase

RECONCILE_FAILED = "ReconcileFailed"
INFO = "Info"


@dataclass(frozen=True)
class Condition:
    """One condition without its time; `severity` Info does not count for Ready."""

    type: str
    status: str = "True"
    reason: str = ""
    message: str = ""
    severity: str = ""

    def named(self, kind: str, severity: str = "") -> Condition:
        """Return the same finding under another type."""
        return replace(self, type=kind, severity=severity)

    def to_json(self, since: str) -> dict[str, Any]:
        """Return the condition as it is stored, without empty fields."""
        fields = {**self.__dict__, "lastTransitionTime": since}
        return {key: value for key, value in fields.items() if value}


def dated(
    conditions: Iterable[Condition], before: Iterable[Mapping[str, Any]], now: str
) -> list[dict[str, Any]]:
    """Return the conditions by type; the time of one moves only when its status does."""
    old = {entry["type"]: entry for entry in before}

    def since(condition: Condition) -> str:
        entry = old.get(condition.type, {})
        same = entry.get("status") == condition.status
        return str(entry.get("lastTransitionTime", now)) if same else now

    ordered = sorted(conditions, key=lambda condition: condition.type)
    return [condition.to_json(since(condition)) for condition in ordered]


def all_of(kind: str, parts: Iterable[Condition]) -> Condition:
    """Return the conjunction: False before Unknown before True, with the reason of the worst."""
    rank = {"False": 0, "Unknown": 1, "True": 2}
    return min(parts, key=lambda part: rank[part.status]).named(kind)


def revision_condition(seen: Observed, kind: str = "Ready") -> Condition:
    """Return a revision's Ready condition."""
    return Condition(kind, seen.condition, seen.reason, seen.message)


def configuration(state: State, observed: Mapping[str, Observed]) -> Condition:
    """Return ConfigurationsReady: how the newest revision is doing."""
    if state.created is None:
        return Condition("ConfigurationsReady", "Unknown", "NoRevision", "No revision exists yet.")
    seen = observed.get(state.created, STOPPED)
    found = revision_condition(seen, "ConfigurationsReady")
    if seen.phase not in (Phase.FAILED, Phase.UNHEALTHY):
        return found
    message = f'Revision "{state.created}" failed with message: {seen.message}'
    return replace(found, reason="RevisionFailed", message=message)


def routes(state: State, observed: Mapping[str, Observed]) -> Condition:
    """Return RoutesReady: whether everything that is asked for or served can answer."""
    if state.ready is None:
        return _no_route(configuration(state, observed))
    named = {target.revision or state.ready for target in (*state.asked, *state.served)}
    carrying = sorted(name for name in named if _carries(state, name))
    parts = [Condition("RoutesReady")]
    parts += [_target(name, observed.get(name, STOPPED)) for name in carrying]
    return all_of("RoutesReady", parts)


def _no_route(latest: Condition) -> Condition:
    if latest.status == "Unknown":
        return latest.named("RoutesReady")
    message = "The configuration does not have any ready revision."
    return Condition("RoutesReady", "False", "RevisionMissing", message)


def _carries(state: State, revision: str) -> bool:
    latest = next((t.percent for t in state.asked if t.latest), 0)
    asked = share(state.asked, revision) + (latest if revision == state.ready else 0)
    return asked + share(state.served, revision) > 0


def _target(revision: str, seen: Observed) -> Condition:
    message = f'Revision "{revision}" in the traffic is not ready: {seen.message}'
    if seen.phase is Phase.READY:
        return Condition("RoutesReady")
    return Condition("RoutesReady", seen.condition, "RevisionNotReady", message)


def of_ksvc(state: State, observed: Mapping[str, Observed]) -> dict[str, Condition]:
    """Return a ksvc's three conditions by type."""
    parts = (configuration(state, observed), routes(state, observed))
    return {part.type: part for part in (*parts, all_of("Ready", parts))}


def of_isvc(
    ksvc: Mapping[str, Condition], *, refused: str | None, addressed: bool
) -> tuple[Condition, ...]:
    """Return an InferenceService's conditions; `refused` is why its spec was not applied."""
    predictor = ksvc["Ready"].named("PredictorReady")
    if refused:
        predictor = Condition("PredictorReady", "False", RECONCILE_FAILED, refused)
    unrouted = Condition("IngressReady", "Unknown", "", "Predictor ingress not created")
    ingress = Condition("IngressReady") if addressed else unrouted
    return (
        predictor,
        ingress,
        all_of("Ready", (predictor, ingress)),
        ksvc["RoutesReady"].named("PredictorRouteReady", INFO),
        ksvc["RoutesReady"].named("RoutesReady", INFO),
        ksvc["ConfigurationsReady"].named("PredictorConfigurationReady", INFO),
        ksvc["ConfigurationsReady"].named("LatestDeploymentReady", INFO),
        Condition("Stopped", "False", severity=INFO),
    )


def of_stopped() -> tuple[Condition, ...]:
    """Return the conditions of an InferenceService that its annotation stops."""
    counted = ("PredictorReady", "IngressReady", "Ready")
    info = ("PredictorRouteReady", "RoutesReady", "PredictorConfigurationReady")
    down = [Condition(kind, "False", "Stopped") for kind in counted]
    down += [
        Condition(kind, "False", "Stopped", severity=INFO)
        for kind in (*info, "LatestDeploymentReady")
    ]
    return (*down, Condition("Stopped", "True", severity=INFO))
