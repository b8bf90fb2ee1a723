"""KServe's deployment modes: their names, old and new, and the annotation that asks for one."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from serving.errors import UsageError

DEPLOYMENT_MODE = "serving.kserve.io/deploymentMode"


class Mode(StrEnum):
    """How KServe runs a service; what was set at its creation stays."""

    KNATIVE = "Knative"
    STANDARD = "Standard"
    MODEL_MESH = "ModelMesh"


_RENAMED = {"serverless": Mode.KNATIVE, "rawdeployment": Mode.STANDARD}
_NAMES = {mode.value.lower(): mode for mode in Mode} | _RENAMED


def mode_named(name: str | None) -> Mode | None:
    """Return the mode of that name, today's or the one before; None for any other word."""
    return _NAMES.get((name or "").lower())


def mode_of(annotations: Mapping[str, str], status: str | None) -> Mode | None:
    """Return the mode that the status keeps, else the annotation's; None where neither says."""
    return mode_named(status) or mode_named(annotations.get(DEPLOYMENT_MODE))


def mode_wished(name: str | None) -> Mode | None:
    """Return the mode that a person asks for, None for no wish. Raises UsageError."""
    if not name:
        return None
    found = mode_named(name)
    if found in (Mode.KNATIVE, Mode.STANDARD):
        return found
    raise UsageError(f"KANARYA_DEPLOYMENT_MODE={name}: there is no such mode; knative or standard.")


def annotation(mode: Mode | None) -> dict[str, str]:
    """Return the annotation that asks for this mode, none where any will do.

    KServe takes `spec.canary` only where the annotation says Standard, even if that is its default.
    """
    return {DEPLOYMENT_MODE: mode.value} if mode else {}
