"""What a running platform leaves in its home: where it answers, and a lock while it lives."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from serving.errors import PlatformError
from serving.local.sockets import LOOPBACK
from serving.process import Process
from serving.settings import Settings


@dataclass(frozen=True)
class Platform:
    """A platform that runs: its process and its two addresses."""

    pid: int
    create_time: float  # with the pid and the boot it names one process for ever
    api_port: int
    gateway_port: int
    started_at: str
    api_host: str = LOOPBACK
    boot: str = ""
    api_scheme: str = "http"

    @property
    def process(self) -> Process:
        """Return its process."""
        return Process(self.pid, self.create_time, self.boot)

    @property
    def api_url(self) -> str:
        """Return the address of the Kubernetes API."""
        host = f"[{self.api_host}]" if ":" in self.api_host else self.api_host
        return f"{self.api_scheme}://{host}:{self.api_port}"

    @property
    def gateway_url(self) -> str:
        """Return the address under which predictions are asked for."""
        return f"http://{LOOPBACK}:{self.gateway_port}"

    def to_json(self) -> dict[str, Any]:
        """Return the record as it is written."""
        return asdict(self)


def services(settings: Settings) -> Path:
    """Return the directory of the platform's state, made if it is not there."""
    return made(settings.home / "services")


def made(directory: Path) -> Path:
    """Return the directory, made if it is not there. Raises PlatformError."""
    with _translated(directory):
        directory.mkdir(parents=True, exist_ok=True)
    return directory


def write(settings: Settings, platform: Platform) -> None:
    """Write the record, all of it or nothing."""
    path = _path(settings)
    unfinished = path.with_suffix(".partial")
    with _translated(path), unfinished.open("w", encoding="utf-8") as file:
        json.dump(platform.to_json(), file)
        file.flush()
        os.fsync(file.fileno())
        unfinished.replace(path)


def read(settings: Settings) -> Platform | None:
    """Return the record of the last platform here, which may have ended; None without one."""
    try:
        return Platform(**json.loads(_path(settings).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def remove(settings: Settings) -> None:
    """Remove the record."""
    _path(settings).unlink(missing_ok=True)


@contextmanager
def locked(path: Path, *, wait: bool, whose: str = "such a process") -> Iterator[None]:
    """Hold a lock that ends with this process at the latest.

    Raises PlatformError if it is held and not waited for; `whose`: what then runs already.
    """
    with _translated(path):
        file = path.open("a")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise PlatformError(
                f"{whose} already runs in {path.parents[1]}: ask `kanarya status`, or choose "
                f"another home with KANARYA_HOME."
            ) from error
        yield


def _path(settings: Settings) -> Path:
    return settings.home / "services" / "platform.json"


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PlatformError(
            f"{path} cannot be written ({error.strerror}): free some disk space, or set "
            f"KANARYA_HOME to a folder of yours."
        ) from error
