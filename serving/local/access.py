"""Who may ask the Kubernetes API: on loopback whoever is here, elsewhere who has the kubeconfig.

    KANARYA_API_HOST    the address that the API listens on (127.0.0.1)
    KANARYA_API_LOGIN   1: ask for the token on loopback too, where several people use a machine

The token is made once, lies in a file that only its owner reads, and travels in the kubeconfig.
"""

from __future__ import annotations

import hmac
import ipaddress
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from serving.errors import UsageError
from serving.local import record, statuses
from serving.local.sockets import LOOPBACK
from serving.settings import Settings

HOST, LOGIN = "KANARYA_API_HOST", "KANARYA_API_LOGIN"
FILE = "api-token"
OPEN = ("/healthz", "/livez", "/readyz")
"""What a probe asks; it shows nothing."""


@dataclass(frozen=True)
class Access:
    """Where the API listens; `token`: what every request must carry, "" where none must."""

    host: str = LOOPBACK
    token: str = ""

    @classmethod
    def of(cls, settings: Settings, env: Mapping[str, str] | None = None) -> Access:
        """Return what the environment asks for. Raises UsageError for what makes no sense."""
        env = os.environ if env is None else env
        host = env.get(HOST) or LOOPBACK
        try:
            here = ipaddress.ip_address(host).is_loopback
        except ValueError as error:
            raise UsageError(
                f"{HOST} is {host!r}: give an address of this machine, as 192.0.2.10, or 0.0.0.0 "
                "for all of them"
            ) from error
        asks = _login(env) or not here
        return cls(host, kept_token(record.services(settings) / FILE) if asks else "")

    @property
    def asked_at(self) -> str:
        """The address by which this machine itself asks."""
        anywhere = ipaddress.ip_address(self.host).is_unspecified
        return LOOPBACK if anywhere else self.host

    def admits(self, authorization: str) -> bool:
        """Say whether a request with this header may be answered."""
        scheme, _, given = authorization.partition(" ")
        known = hmac.compare_digest(given.strip().encode(), self.token.encode())
        return not self.token or (scheme.lower() == "bearer" and known)


HERE = Access()


def _login(env: Mapping[str, str]) -> bool:
    told = env.get(LOGIN) or "0"
    if told not in ("0", "1"):
        raise UsageError(f"{LOGIN} is {told!r}: 1 asks for the token on loopback too, 0 does not.")
    return told == "1"


def is_own_name(host: str) -> bool:
    """Say whether a Host header holds an address or `localhost`, and no name of somebody's."""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return name.lower() in ("localhost", "")
    return True


def guard(access: Access) -> Middleware:
    """Return the middleware that answers 401 to whoever lacks the token."""

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.get("Authorization", "")
        if request.path in OPEN or access.admits(given):
            return await handler(request)
        found = statuses.failure(
            401, "Unauthorized", "send the token of the kubeconfig that `kanarya up` writes"
        )
        return web.json_response(found, status=401, headers={"WWW-Authenticate": "Bearer"})

    return guarded


def kept_token(path: Path) -> str:
    """Return the token in a file that only its owner may read; it is made where there is none."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        known = path.read_text(encoding="ascii").strip()
        if len(known) >= 32:
            return known
        path.unlink()  # killed between making and writing it: nobody has an empty token
        return kept_token(path)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(32))
    return path.read_text(encoding="ascii")
