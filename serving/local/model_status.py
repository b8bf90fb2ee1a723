"""`status.modelStatus`: how the newest model loads, as KServe's PropagateModelStatus has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from serving.local.observed import Observed, Phase

JSON = dict[str, Any]


@dataclass(frozen=True)
class Target:
    """The process of the newest model, under the name that failures give it."""

    name: str | None
    seen: Observed
    now: str


def model_status(before: Mapping[str, Any], target: Target, invalid: str | None) -> JSON:
    """Return modelStatus; `invalid` is why no process can be made of the predictor at all."""
    active = before.get("states", {}).get("activeModelState", "")
    if invalid is not None:
        failure = {"reason": "InvalidPredictorSpec", "message": invalid}
        return _transition("InvalidSpec", active, "", _failure(before, failure, target))
    match target.seen.phase:
        case Phase.READY:
            copies = {"failedCopies": 0, "totalCopies": 1}
            return _transition("UpToDate", "Loaded", "Loaded", None, copies)
        case Phase.FAILED:
            kept = _failure(before, _why("ModelLoadFailed", target), target)
            copies = {"failedCopies": 1, "totalCopies": 1}
            return _transition("BlockedByFailedLoad", active, "FailedToLoad", kept, copies)
        case Phase.UNHEALTHY:
            kept = _failure(before, _why("RuntimeUnhealthy", target), target)
            return _transition("InProgress", active, "Loading", kept)
        case Phase.STARTING:
            return _transition("InProgress", active, "Loading", before.get("lastFailureInfo"))
        case Phase.STOPPED:
            return _transition("InProgress", active, "Pending", before.get("lastFailureInfo"))


def filled(**fields: Any) -> JSON:
    """Return the fields that have a value, as Go's `omitempty` would write them."""
    return {key: value for key, value in fields.items() if value is not None}


def _transition(
    status: str, active: str, target: str, failure: Any, copies: JSON | None = None
) -> JSON:
    return filled(
        transitionStatus=status,
        states={"activeModelState": active, "targetModelState": target},
        lastFailureInfo=failure,
        copies=copies,
    )


def _why(reason: str, target: Target) -> JSON:
    seen = target.seen
    return filled(
        reason=reason,
        message=seen.message,
        exitCode=seen.exit_code,
        modelRevisionName=target.name,
    )


def _failure(before: Mapping[str, Any], failure: JSON, target: Target) -> JSON:
    """Return the failure with the time at which it was first seen."""
    stored = before.get("lastFailureInfo", {})
    same = {key: value for key, value in stored.items() if key != "time"} == failure
    return {**failure, "time": stored["time"] if same else target.now}
