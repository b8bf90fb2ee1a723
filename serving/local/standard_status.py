"""The status of an InferenceService in Standard mode: values in, values out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from serving.local.addresses import Addresses
from serving.local.conditions import INFO, RECONCILE_FAILED, Condition, all_of, dated
from serving.local.deployments import predictor_condition
from serving.local.model_status import Target, filled, model_status
from serving.local.modes import STANDARD
from serving.local.observed import READY, Observed
from serving.local.propagation import Verdict, runtime_of
from serving.local.standard import Variant

JSON = dict[str, Any]


@dataclass(frozen=True)
class Sight:
    """What a status is made of; `deployment` is the stable one, None before there is one."""

    stable: Variant
    canaries: tuple[Variant, ...]
    deployment: JSON | None
    newest: Observed  # the stable Deployment's newest pod
    ready: frozenset[str]  # the names of the canaries that answer
    routed: bool
    addresses: Addresses
    now: str


def isvc_status(isvc: Mapping[str, Any], sight: Sight, why: Verdict) -> JSON:
    """Return the status; observedGeneration is the stable Deployment's, as in KServe."""
    before = isvc.get("status", {})
    conditions = {each.type: each for each in _conditions(sight, why)}
    ready = conditions["Ready"].status == "True"
    url = sight.addresses.service_url
    own = sight.addresses.deployment_url(sight.stable.deployment)
    return filled(
        observedGeneration=(sight.deployment or {}).get("metadata", {}).get("generation"),
        conditions=dated(conditions.values(), before.get("conditions", ()), sight.now),
        components=None if why.stopped else {"predictor": {"url": url} if sight.routed else {}},
        modelStatus=_model(before, sight, why, ready=ready),
        deploymentMode=STANDARD,
        clusterServingRuntimeName=None if why.stopped else runtime_of(isvc),
        url=url if sight.routed else None,
        address={"url": own} if sight.routed else None,
        canaryStatuses=[_canary(each, sight.ready) for each in sight.canaries] or None,
    )


def _conditions(sight: Sight, why: Verdict) -> tuple[Condition, ...]:
    if why.stopped:
        counted = (Condition(kind, "False", "Stopped") for kind in ("PredictorReady", "Ready"))
        ingress = Condition("IngressReady", "False", "Stopped")
        stopped = Condition("Stopped", "True", severity=INFO)
        return (*counted, ingress, stopped, *_canaries_ready(sight, why))
    predictor, ingress = _predictor(sight, why), _ingress(sight)
    return (
        predictor,
        ingress,
        all_of("Ready", (predictor, ingress)),
        Condition("Stopped", "False", severity=INFO),
        *_canaries_ready(sight, why),
    )


def _predictor(sight: Sight, why: Verdict) -> Condition:
    if why.refused and why.invalid:
        return Condition("PredictorReady", "False", RECONCILE_FAILED, why.refused)
    if sight.deployment is None:
        return Condition("PredictorReady", "Unknown")
    return predictor_condition(sight.deployment["status"]["conditions"])


def _ingress(sight: Sight) -> Condition:
    if sight.routed:
        return Condition("IngressReady")
    reason, said = "Predictor Deployment NotReady", "Predictor HTTPRoute not created"
    return Condition("IngressReady", "False", reason, said)


def _canaries_ready(sight: Sight, why: Verdict) -> tuple[Condition, ...]:
    """Return CanaryPredictorReady, which Ready does not depend on; nothing without a canary.

    A canary that cannot be made has its sentence here; KServe has it in an event alone.
    """
    if not sight.canaries:
        return ()
    kind, all_ready = "CanaryPredictorReady", sight.ready >= {c.name for c in sight.canaries}
    if why.stopped:
        return (Condition(kind, "False", "Stopped", severity=INFO),)
    if why.refused and not why.invalid:
        return (Condition(kind, "False", RECONCILE_FAILED, why.refused, INFO),)
    if all_ready:
        return (Condition(kind, "True", "AllCanariesReady", severity=INFO),)
    return (Condition(kind, "False", "CanariesNotReady", severity=INFO),)


def _canary(canary: Variant, ready: frozenset[str]) -> JSON:
    """Return one entry of canaryStatuses; KServe never fills its modelStatus."""
    return {
        "name": canary.name,
        "ready": canary.name in ready,
        "trafficPercent": canary.percent,
        "modelStatus": {"transitionStatus": ""},
    }


def _model(before: Mapping[str, Any], sight: Sight, why: Verdict, *, ready: bool) -> JSON | None:
    """Return modelStatus: a Ready service has loaded its model, whatever its newest pod does."""
    if why.stopped:
        return None
    target = Target(sight.stable.deployment, READY if ready else sight.newest, sight.now)
    return model_status(before.get("modelStatus", {}), target, why.refused if why.invalid else None)
