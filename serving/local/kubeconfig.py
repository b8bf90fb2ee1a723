"""The file that points kubectl and every Kubernetes client at the local control plane."""

from __future__ import annotations

import base64
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import yaml

from serving.errors import PlatformError

NAME = "kanarya"


@dataclass(frozen=True)
class Login:
    """The token that the API asks for, and the certificate (PEM) by which it is known."""

    token: str
    certificate: bytes


def write(path: Path, server_url: str, namespace: str, login: Login | None = None) -> None:
    """Write a kubeconfig with one context, readable by its owner only; all of it or nothing.

    `login`: what the API asks for, None where it asks for nothing. Raises PlatformError when the
    file cannot be written; what was there before stays.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:  # mkstemp: mode 0600
                file.write(text(server_url, namespace, login))
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise PlatformError(
            f"{path}: the kubeconfig cannot be written ({error.strerror or error}); free disk "
            "space or set KUBECONFIG to another file"
        ) from error


def text(server_url: str, namespace: str, login: Login | None = None) -> str:
    """Return the kubeconfig as YAML; on loopback there is no user to check."""
    shown = base64.b64encode(login.certificate).decode() if login else ""
    authority = {"certificate-authority-data": shown} if login else {}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": NAME,
        "clusters": [{"name": NAME, "cluster": {"server": server_url, **authority}}],
        "contexts": [
            {"name": NAME, "context": {"cluster": NAME, "user": NAME, "namespace": namespace}}
        ],
        "users": [{"name": NAME, "user": {"token": login.token} if login else {}}],
    }
    return yaml.safe_dump(config, sort_keys=False)
