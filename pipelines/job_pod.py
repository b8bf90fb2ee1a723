"""What pods have in common that are no steps of a pipeline: those of a TrainJob, Katib's trials."""

from __future__ import annotations

from typing import Any

NO_SIDECAR = {"sidecar.istio.io/inject": "false"}
"""The annotation without which Istio's proxy would outlive what the pod has done, and its Job."""
PROFILE = {"type": "RuntimeDefault"}
LOCKED: dict[str, Any] = {
    "runAsNonRoot": True,
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": PROFILE,
}
"""A container's, for the `restricted` Pod Security Standard; it may write to its mounts alone."""
HOME = {"name": "HOME", "value": "/tmp"}
TMP = {"name": "tmp", "mountPath": "/tmp"}
SCRATCH = {"name": "tmp", "emptyDir": {"sizeLimit": "4Gi"}}
