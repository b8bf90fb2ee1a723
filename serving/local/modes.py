"""The deployment modes of an InferenceService: which names they have, and which one holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DEPLOYMENT_MODE = "serving.kserve.io/deploymentMode"
KNATIVE = "Knative"
STANDARD = "Standard"
MODES = (KNATIVE, STANDARD)
RENAMED = {"RawDeployment": STANDARD, "Serverless": KNATIVE}


def mode_of(isvc: Mapping[str, Any]) -> str:
    """Return the mode: the one that the status keeps, else the annotation's, else Knative."""
    kept = (isvc.get("status") or {}).get("deploymentMode")
    return next((mode for mode in (kept, asked_mode(isvc)) if mode in MODES), KNATIVE)


def asked_mode(isvc: Mapping[str, Any]) -> str | None:
    """Return the mode that the annotation asks for, under today's name; None without one."""
    asked = (isvc["metadata"].get("annotations") or {}).get(DEPLOYMENT_MODE)
    return RENAMED.get(asked, asked) if asked else None
