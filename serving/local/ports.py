"""The ports of the platform, and who holds one that is taken."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from serving.errors import PlatformError, UsageError
from serving.local.sockets import LOOPBACK, exactly
from serving.settings import API_PORT, GATEWAY_PORT

if TYPE_CHECKING:
    import psutil

PROGRAM = "serving.local"
"""The module that a platform is started as."""
VARIABLES = {"api": "KANARYA_API_PORT", "gateway": "KANARYA_GATEWAY_PORT"}


@dataclass(frozen=True)
class Ports:
    """Where the platform listens on loopback; 0 takes a free port."""

    api: int = API_PORT
    gateway: int = GATEWAY_PORT

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Ports:
        """Return the ports that the environment asks for. Raises UsageError."""
        env = os.environ if env is None else env
        asked = {name: env.get(variable) for name, variable in VARIABLES.items()}
        return cls(
            **{name: checked_port(VARIABLES[name], port) for name, port in asked.items() if port}
        )

    def require_free(self) -> None:
        """Raise PlatformError, naming the port and who has it, unless both can be taken."""
        for name, port in (("api", self.api), ("gateway", self.gateway)):
            _require_free(name, port)


@dataclass(frozen=True)
class Holder:
    """The process that listens on a port; `home`: that of the platform that it is, else None."""

    pid: int
    name: str
    home: Path | None = None

    def __str__(self) -> str:
        """Name it for people."""
        what = f"the platform of {self.home}" if self.home else self.name
        return f"{what} (pid {self.pid})"


def _require_free(name: str, port: int) -> None:
    try:
        exactly(port).close()
    except OSError as error:
        raise PlatformError(complaint(name, port, error)) from error


def complaint(name: str, port: int, error: OSError) -> str:
    """Return the sentence for a port that cannot be taken, and what to do about it."""
    if error.errno == errno.EADDRNOTAVAIL:
        return (
            f"this machine has no address {LOOPBACK}, where the platform listens: give it one with "
            f"`ip address add {LOOPBACK}/8 dev lo` and `ip link set lo up`."
        )
    other = f"choose another port: --{name}-port N or {VARIABLES[name]}=N"
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is taken{_by_whom(port)}: stop it, or {other}."
    return f"port {port} on {LOOPBACK} cannot be used ({error.strerror}): {other}."


def checked_port(variable: str, text: str) -> int:
    """Return the port that a variable asks for; 0: any free one. Raises UsageError."""
    if text.isdecimal() and int(text) <= 65535:
        return int(text)
    raise UsageError(f"{variable} is {text!r}: give a port from 0 to 65535.")


def _by_whom(port: int) -> str:
    found = holder(port)
    return f" by {found}" if found else ""


def holder(port: int) -> Holder | None:
    """Return who listens on a port; None where nobody does, or the system does not tell."""
    import psutil

    with suppress(psutil.Error):  # of another user: the system does not tell
        connections = psutil.net_connections(kind="tcp")
        pids = [each.pid for each in connections if _listens(each, port) and each.pid]
        if pids:
            process = psutil.Process(pids[0])
            return Holder(pids[0], process.name(), _home(process))
    return None


def _home(process: psutil.Process) -> Path | None:
    """Return the home of a platform; None of any other process."""
    if PROGRAM not in process.cmdline():
        return None
    return Path(process.cwd()) / (process.environ().get("KANARYA_HOME") or ".kanarya")


def _listens(connection: object, port: int) -> bool:
    address = getattr(connection, "laddr", None)
    listening = getattr(connection, "status", "") == "LISTEN"
    return bool(address) and listening and getattr(address, "port", None) == port
