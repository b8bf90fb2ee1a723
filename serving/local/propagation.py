"""The status blocks of an InferenceService, its ksvc and its revisions: values in, values out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from serving.local.addresses import Addresses
from serving.local.conditions import (
    Condition,
    dated,
    of_isvc,
    of_ksvc,
    of_stopped,
    revision_condition,
)
from serving.local.knative import State, TrafficTarget
from serving.local.observed import STOPPED, Observed, Phase

JSON = dict[str, Any]


@dataclass(frozen=True)
class Seen:
    """What a status is made of: the state, the processes, and the time."""

    state: State
    observed: Mapping[str, Observed]
    addresses: Addresses
    now: str


@dataclass(frozen=True)
class Verdict:
    """Why an InferenceService's spec is not, or not wholly, in force."""

    refused: str | None = None
    stopped: bool = False
    invalid: bool = False  # the predictor itself is wrong, not its percentage


def read_state(isvc: Mapping[str, Any], ksvc: Mapping[str, Any]) -> State:
    """Return the state that the two objects keep."""
    component = isvc.get("status", {}).get("components", {}).get("predictor", {})
    spec, status = ksvc.get("spec", {}), ksvc.get("status", {})
    return State(
        created=status.get("latestCreatedRevisionName"),
        ready=status.get("latestReadyRevisionName"),
        asked=tuple(map(TrafficTarget.from_json, spec.get("traffic", ()))),
        served=tuple(map(TrafficTarget.from_json, status.get("traffic", ()))),
        rolledout=component.get("latestRolledoutRevision"),
        previous=component.get("previousRolledoutRevision"),
    )


def ksvc_status(ksvc: Mapping[str, Any], seen: Seen) -> JSON:
    """Return the ksvc's status."""
    state, before = seen.state, ksvc.get("status", {})
    conditions = of_ksvc(state, seen.observed).values()
    return _filled(
        observedGeneration=ksvc["metadata"]["generation"],
        conditions=dated(conditions, before.get("conditions", ()), seen.now),
        latestCreatedRevisionName=state.created,
        latestReadyRevisionName=state.ready,
        traffic=[target.to_json(seen.addresses.tag_urls) for target in state.served],
        url=seen.addresses.predictor_url if state.ready else None,
    )


def revision_status(revision: Mapping[str, Any], seen: Observed, now: str) -> JSON:
    """Return a revision's status; one that no traffic names is Inactive."""
    before = revision.get("status", {}).get("conditions", ())
    active = revision_condition(seen).named("Active", "Info")
    return {
        "observedGeneration": revision["metadata"]["generation"],
        "conditions": dated((revision_condition(seen), active), before, now),
        "actualReplicas": int(seen.phase is Phase.READY),
    }


def isvc_status(isvc: Mapping[str, Any], ksvc: Mapping[str, Any], seen: Seen, why: Verdict) -> JSON:
    """Return the InferenceService's status; observedGeneration is the ksvc's, as in KServe."""
    before = isvc.get("status", {})
    found = of_ksvc(seen.state, seen.observed)
    ready = found["Ready"].status == "True" and not why.stopped
    addressed = ready or "url" in before
    conditions = of_isvc(found, refused=why.refused, addressed=addressed)
    return _filled(
        observedGeneration=ksvc.get("metadata", {}).get("generation"),
        conditions=dated(
            of_stopped() if why.stopped else conditions, before.get("conditions", ()), seen.now
        ),
        components={"predictor": _component(seen, addressed=addressed)},
        modelStatus=_model_status(before.get("modelStatus", {}), seen, why),
        deploymentMode="Knative",
        clusterServingRuntimeName=_runtime(isvc),
        url=seen.addresses.service_url if addressed else None,
        address={"url": seen.addresses.service_url} if addressed else None,
    )


def condition_of(status: Mapping[str, Any], kind: str) -> Condition:
    """Return one stored condition, Unknown where it is not there."""
    for entry in status.get("conditions", ()):
        if entry["type"] == kind:
            return Condition(
                kind, entry["status"], entry.get("reason", ""), entry.get("message", "")
            )
    return Condition(kind, "Unknown")


def _component(seen: Seen, *, addressed: bool) -> JSON:
    state, addresses = seen.state, seen.addresses
    return _filled(
        latestCreatedRevision=state.created,
        latestReadyRevision=state.ready,
        latestRolledoutRevision=state.rolledout,
        previousRolledoutRevision=state.previous,
        traffic=[target.to_json(addresses.tag_urls) for target in state.served],
        url=addresses.predictor_url if addressed else None,
        address={"url": addresses.predictor_url} if addressed else None,
    )


def _model_status(before: Mapping[str, Any], seen: Seen, why: Verdict) -> JSON:
    """Return modelStatus as KServe's PropagateModelStatus would: target is the newest revision."""
    newest = seen.observed.get(seen.state.created or "", STOPPED)
    active = before.get("states", {}).get("activeModelState", "")
    if why.invalid:
        failure = {"reason": "InvalidPredictorSpec", "message": why.refused}
        return _transition("InvalidSpec", active, "", _failure(before, failure, seen))
    match newest.phase:
        case Phase.READY:
            copies = {"failedCopies": 0, "totalCopies": 1}
            return _transition("UpToDate", "Loaded", "Loaded", None, copies)
        case Phase.FAILED:
            failure = _why("ModelLoadFailed", newest, seen)
            copies = {"failedCopies": 1, "totalCopies": 1}
            kept = _failure(before, failure, seen)
            return _transition("BlockedByFailedLoad", active, "FailedToLoad", kept, copies)
        case Phase.UNHEALTHY:
            failure = _why("RuntimeUnhealthy", newest, seen)
            return _transition("InProgress", active, "Loading", _failure(before, failure, seen))
        case Phase.STARTING:
            return _transition("InProgress", active, "Loading", before.get("lastFailureInfo"))
        case Phase.STOPPED:
            return _transition("InProgress", active, "Pending", before.get("lastFailureInfo"))


def _transition(
    status: str, active: str, target: str, failure: Any, copies: JSON | None = None
) -> JSON:
    return _filled(
        transitionStatus=status,
        states={"activeModelState": active, "targetModelState": target},
        lastFailureInfo=failure,
        copies=copies,
    )


def _why(reason: str, newest: Observed, seen: Seen) -> JSON:
    return _filled(
        reason=reason,
        message=newest.message,
        exitCode=newest.exit_code,
        modelRevisionName=seen.state.created,
    )


def _failure(before: Mapping[str, Any], failure: JSON, seen: Seen) -> JSON:
    """Return the failure with the time at which it was first seen."""
    stored = before.get("lastFailureInfo", {})
    same = {key: value for key, value in stored.items() if key != "time"} == failure
    return {**failure, "time": stored["time"] if same else seen.now}


def _runtime(isvc: Mapping[str, Any]) -> str:
    model = isvc["spec"]["predictor"].get("model") or {}
    return str(model.get("runtime") or "kanarya-predictor")


def _filled(**fields: Any) -> JSON:
    return {key: value for key, value in fields.items() if value is not None}
