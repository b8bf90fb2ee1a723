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
from serving.local.model_status import Target, filled, model_status
from serving.local.modes import KNATIVE
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
    return filled(
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
    created = seen.state.created
    target = Target(created, seen.observed.get(created or "", STOPPED), seen.now)
    wrong = why.refused if why.invalid else None
    return filled(
        observedGeneration=ksvc.get("metadata", {}).get("generation"),
        conditions=dated(
            of_stopped() if why.stopped else conditions, before.get("conditions", ()), seen.now
        ),
        components={"predictor": _component(seen, addressed=addressed)},
        modelStatus=model_status(before.get("modelStatus", {}), target, wrong),
        deploymentMode=KNATIVE,
        clusterServingRuntimeName=runtime_of(isvc),
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
    return filled(
        latestCreatedRevision=state.created,
        latestReadyRevision=state.ready,
        latestRolledoutRevision=state.rolledout,
        previousRolledoutRevision=state.previous,
        traffic=[target.to_json(addresses.tag_urls) for target in state.served],
        url=addresses.predictor_url if addressed else None,
        address={"url": addresses.predictor_url} if addressed else None,
    )


def runtime_of(isvc: Mapping[str, Any]) -> str:
    """Return the name of the ClusterServingRuntime that serves it."""
    model = isvc["spec"]["predictor"].get("model") or {}
    return str(model.get("runtime") or "kanarya-predictor")
