"""A workflow and its pods, asked of the Kubernetes API with what every pod carries.

The standard library does: the client would take half a second to import for two questions.
"""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode
from urllib.request import OpenerDirector, Request

from components.telling import note
from serving import direct

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
WORKFLOW = "workflows.argoproj.io/workflow"
TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Api:
    """Where the Kubernetes API is, and the folder with this pod's token, CA and namespace."""

    address: str
    account: Path = ACCOUNT

    @classmethod
    def of_this_pod(cls, env: Mapping[str, str] | None = None) -> Api | None:
        """Return the cluster's own API, None outside of a pod."""
        env = os.environ if env is None else env
        host, port = env.get("KUBERNETES_SERVICE_HOST"), env.get("KUBERNETES_SERVICE_PORT", "443")
        if not host or not (ACCOUNT / "token").exists():
            return None
        return cls(f"https://{f'[{host}]' if ':' in host else host}:{port}")


def pods(api: Api, workflow: str) -> list[dict[str, Any]]:
    """Return the pods of a workflow; none, and a note, where they cannot be asked for."""
    query = urlencode({"labelSelector": f"{WORKFLOW}={workflow}"})
    found = _asked(api, "/api/v1", f"pods?{query}")
    return list(found.get("items", ()))


def terminated(api: Api, workflow: str) -> bool:
    """Say whether somebody ended the workflow: Kubeflow then sets its deadline to no time at all.

    False, and a note, where that cannot be asked for.
    """
    found = _asked(api, "/apis/argoproj.io/v1alpha1", f"workflows/{quote(workflow)}")
    return bool(found.get("spec", {}).get("activeDeadlineSeconds") == 0)


def _asked(api: Api, group: str, what: str) -> dict[str, Any]:
    try:
        return _got(api, group, what)
    except direct.FAULTS as error:
        kind = what.partition("/")[0].partition("?")[0]
        note(f"the Kubernetes API did not tell of the {kind} of this run ({error})")
        return {}


def _got(api: Api, group: str, what: str) -> dict[str, Any]:
    namespace = (api.account / "namespace").read_text(encoding="ascii").strip()
    token = (api.account / "token").read_text(encoding="ascii").strip()
    address = f"{api.address}{group}/namespaces/{namespace}/{what}"
    request = Request(address, headers={"Authorization": f"Bearer {token}"})
    with _opener(api).open(request, timeout=TIMEOUT_S) as answer:
        return dict(json.load(answer))


def _opener(api: Api) -> OpenerDirector:
    if not api.address.startswith("https:"):
        return direct.opener()
    return direct.trusting(ssl.create_default_context(cafile=str(api.account / "ca.crt")))
