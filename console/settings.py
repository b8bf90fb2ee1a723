"""Where the console listens and who may enter: read once from the environment."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from console.access.logins import VARIABLE, Logins, parse
from pipelines.cluster_place import ENDPOINT as KF_ENDPOINT
from pipelines.cluster_place import HOST as KFP_HOST
from pipelines.cluster_place import Place
from serving.errors import UsageError
from serving.local.ports import checked_port
from serving.settings import Settings

PORT = 8602
HOST = "KANARYA_CONSOLE_HOST"
PORT_VARIABLE = "KANARYA_CONSOLE_PORT"
NAMES = "KANARYA_CONSOLE_NAMES"
UPLOAD_LIMIT = "KANARYA_UPLOAD_LIMIT_MB"
UPLOADS_QUOTA = "KANARYA_UPLOADS_MB"
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class ConsoleSettings:
    """The console of one installation.

    host           the address that it listens on
    port           0: any free one
    names          host names under which it may be asked for; others are refused, so that a page
                   elsewhere cannot reach it through a name of its own (DNS rebinding)
    logins         who may enter; empty on loopback: whoever sits at this machine, as admin
    upload_limit   largest uploaded file in bytes
    uploads_quota  bytes that all uploaded files may have together
    cluster        the Kubeflow Pipelines that `kanarya run --on cluster` sends to, None without one
    cluster_fault  why what is said about it cannot be used, "" where it can
    """

    base: Settings
    host: str = "127.0.0.1"
    port: int = PORT
    names: tuple[str, ...] = LOOPBACK_NAMES
    logins: Logins = field(default_factory=lambda: Logins({}))
    upload_limit: int = 4096 << 20
    uploads_quota: int = 20480 << 20
    cluster: Place | None = None
    cluster_fault: str = ""

    @property
    def folder(self) -> Path:
        """Where the console keeps its secret."""
        return self.base.home / "console"

    @property
    def uploads(self) -> Path:
        """Where uploaded data sets lie."""
        return self.base.home / "uploads"

    @classmethod
    def from_env(
        cls, host: str | None = None, port: int | None = None, env: Mapping[str, str] | None = None
    ) -> ConsoleSettings:
        """Return the settings; what is given wins over the environment. Raises UsageError."""
        env = os.environ if env is None else env
        host = host or env.get(HOST) or "127.0.0.1"
        logins = parse(env.get(VARIABLE) or "")
        if not logins and not is_loopback(host):
            raise UsageError(
                f"the console at {host} could be reached by others, so it needs logins in "
                f"{VARIABLE}: `kanarya console login NAME` prints a line; or leave it on loopback"
            )
        known = tuple(name for name in (env.get(NAMES) or "").replace(",", " ").split())
        cluster, fault = _cluster(env)
        return cls(
            base=Settings.from_env(env),
            host=host,
            port=_port(env) if port is None else port,
            names=(*LOOPBACK_NAMES, host, *known),
            logins=logins,
            upload_limit=_number(UPLOAD_LIMIT, env, 4096) << 20,
            uploads_quota=_number(UPLOADS_QUOTA, env, 20480) << 20,
            cluster=cluster,
            cluster_fault=fault,
        )


def is_loopback(host: str) -> bool:
    """Say whether only this machine reaches an address."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _cluster(env: Mapping[str, str]) -> tuple[Place | None, str]:
    """Return the cluster that the environment names, or what is wrong with how it does."""
    if not (env.get(KFP_HOST) or env.get(KF_ENDPOINT)):
        return None, ""
    try:
        return Place.from_env(env=env), ""
    except UsageError as error:
        return None, str(error)


def _port(env: Mapping[str, str]) -> int:
    return checked_port(PORT_VARIABLE, env.get(PORT_VARIABLE) or str(PORT))


def _number(name: str, env: Mapping[str, str], default: int) -> int:
    given = env.get(name) or str(default)
    if not given.isdecimal():
        raise UsageError(f"{name}: {given!r} is not a whole number")
    return int(given)
