"""What KServe's webhook says of `spec.canary`: its rules, its sentences, its order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from serving.local.modes import DEPLOYMENT_MODE, STANDARD, asked_mode
from serving.local.objects import Object
from serving.local.schema import LEGACY

FIXED = {
    "workerSpec": "multi-node is not yet supported for canary",
    "maxReplicas": "canary uses fixed replicas",
    "scaleTarget": "canary uses fixed replicas",
    "scaleMetric": "canary uses fixed replicas",
    "autoScaling": "canary uses fixed replicas",
}


def canary_rule(isvc: Object, old: Object | None) -> Iterator[str]:
    """Demand Standard mode, names of their own, fixed replicas, and shares that fit into 100."""
    entries = isvc["spec"].get("canary") or []
    if not entries:
        return
    if asked_mode(isvc) != STANDARD:
        yield (
            f"canary is only supported in {STANDARD} deployment mode; set the annotation "
            f"{DEPLOYMENT_MODE}: {STANDARD} when you create the service, or use "
            "spec.predictor.canaryTrafficPercent"
        )
    if isvc["spec"]["predictor"].get("model") is None:
        yield (
            "canary requires a stable predictor with a model (multi-model serving is not "
            "supported with canary)"
        )
    yield from _names(isvc)
    for entry in entries:
        yield from _entry(entry["predictor"], isvc["spec"]["predictor"])
    total = sum(entry["trafficPercent"] for entry in entries)
    if total > 100:
        yield f"sum of canary trafficPercent values ({total}) must be <= 100"


def canary_here_rule(isvc: Object, old: Object | None) -> Iterator[str]:
    """Refuse what KServe admits in a canary and then does not do."""
    for number, entry in enumerate(isvc["spec"].get("canary") or []):
        for field in (*LEGACY, "storageUris", "containers"):
            if entry["predictor"].get(field) is not None:
                yield (
                    f"spec.canary[{number}].predictor.{field} would be ignored, and the stable "
                    "model served instead; use model"
                )


def _names(isvc: Object) -> Iterator[str]:
    stable, seen = isvc["spec"]["predictor"].get("name") or "", set()
    for number, entry in enumerate(isvc["spec"]["canary"]):
        name = entry["predictor"].get("name")
        if not name:
            yield f"canary[{number}] predictor.name is required"
        if name in seen:
            yield f'canary predictor.name "{name}" is duplicated'
        if name == stable:
            yield f'canary predictor.name "{name}" conflicts with stable predictor name'
        seen.add(name)


def _entry(canary: Mapping[str, Any], stable: Mapping[str, Any]) -> Iterator[str]:
    name = canary["name"]
    given = [key for key in ("model", *LEGACY, "containers") if canary.get(key) is not None]
    if len(given) != 1:
        told = f"found {', '.join(given)}" if given else "found none"
        yield f'canary "{name}" predictor: exactly one of model, containers is needed; {told}'
    if (canary.get("model") or {}).get("name"):
        yield (
            f"canary \"{name}\" predictor: the 'name' field is not allowed in standard predictor"
        )
    for field, why in FIXED.items():
        if canary.get(field):
            yield f'canary "{name}" must not set {field} ({why})'
    yield from _replicas(canary, stable)


def _replicas(canary: Mapping[str, Any], stable: Mapping[str, Any]) -> Iterator[str]:
    own, most = canary.get("minReplicas"), stable.get("minReplicas")
    most = 1 if most is None else most
    if own is not None and own < 0:
        yield f"MinReplicas cannot be less than 0; it is {own}"
    if own is not None and own > most:
        yield (
            f'canary "{canary["name"]}" minReplicas ({own}) must not exceed stable predictor '
            f"minReplicas ({most})"
        )
