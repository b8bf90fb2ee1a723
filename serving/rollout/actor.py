"""Who acts: the person and machine, or on a cluster the service account."""

from __future__ import annotations

import base64
import getpass
import json
import os
import socket
from pathlib import Path

TOKEN = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
"""Where Kubernetes tells a pod its service account; the name is in it, unencrypted."""


def actor(token: Path = TOKEN) -> str:
    """Return `user@host`, or `system:serviceaccount:<namespace>:<name>@<pod>` on a cluster."""
    return f"{_account(token) or _user()}@{socket.gethostname()}"


def _account(token: Path) -> str | None:
    try:
        claims = token.read_text(encoding="ascii").split(".")[1]
        subject = json.loads(base64.urlsafe_b64decode(claims + "=="))["sub"]
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return str(subject)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        return f"uid {os.getuid()}"
