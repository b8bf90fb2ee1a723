"""The local platform as its users see it: up, down, status."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPException
from typing import TYPE_CHECKING, Any

from serving import direct, priority
from serving.errors import PlatformError
from serving.local import certificate, launching, record
from serving.local.ports import Ports
from serving.local.record import Platform
from serving.settings import Settings

if TYPE_CHECKING:
    import psutil

__all__ = [
    "Platform",
    "PlatformStatus",
    "Ports",
    "Predictor",
    "again",
    "down",
    "run",
    "status",
    "up",
]

START_S = 60.0
STOP_S = 40.0  # the gateway drains for 10 s, and a predictor has 10 s after SIGTERM
HEALTH_S = 5.0


@dataclass(frozen=True)
class Predictor:
    """One predictor process."""

    pid: int
    revision: str
    rss_bytes: int


@dataclass(frozen=True)
class PlatformStatus:
    """Whether a platform runs here, whether it answers, and its predictors."""

    platform: Platform | None
    healthy: bool = False
    predictors: tuple[Predictor, ...] = ()

    @property
    def running(self) -> bool:
        """Say whether the platform's process is there."""
        return self.platform is not None


def run(settings: Settings, api_port: int, gateway_port: int) -> None:
    """Be the platform, in this process, until SIGTERM or SIGINT."""
    from serving.local import daemon

    loop_run(daemon.run(settings, daemon.Options(Ports(api_port, gateway_port))))


def loop_run(main: Any) -> None:
    """Run a coroutine on the fastest loop there is."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(main)
    else:
        uvloop.run(main)


def up(
    settings: Settings,
    ports: Ports | None = None,
    *,
    predictor: Sequence[str] = launching.PREDICTOR,
) -> Platform:
    """Return the platform of this home; start it in the background if it does not run yet.

    `predictor` is the command that stands before the predictor's flags. Raises PlatformError.
    """
    with _alone(settings):
        platform = _running(settings) or _spawned(settings, ports or Ports.from_env(), predictor)
        _require_health(settings, platform)
        if not settings.kubeconfig.exists():
            _point_clients(settings, platform)
        return platform


def again(settings: Settings) -> Platform | None:
    """Start the platform of this home again where it was killed, at the same ports.

    Returns None where it lives, or ended in order. Raises PlatformError.
    """
    with _alone(settings):
        left = record.read(settings)
        if left is None or left.process.lives():
            return None
        return _spawned(settings, Ports(left.api_port, left.gateway_port), launching.PREDICTOR)


def down(settings: Settings) -> bool:
    """Stop the platform of this home, and say whether there was one."""
    if not settings.home.exists():
        return False
    with _alone(settings):
        platform = _running(settings)
        if platform:
            _end(platform)
        record.remove(settings)
        return platform is not None


def status(settings: Settings) -> PlatformStatus:
    """Return how the platform of this home is doing; it may not run at all."""
    platform = _running(settings)
    if platform is None:
        return PlatformStatus(None)
    return PlatformStatus(platform, _healthy(settings, platform), tuple(_predictors(platform)))


def _alone(settings: Settings) -> contextlib.AbstractContextManager[None]:
    """Return the lock that lets one process at a time start or stop the platform."""
    return record.locked(record.services(settings) / "up.lock", wait=True)


def _running(settings: Settings) -> Platform | None:
    """Return the recorded platform if its very process still lives."""
    platform = record.read(settings)
    return platform if platform and _process(platform) else None


def _process(platform: Platform) -> psutil.Process | None:
    import psutil

    try:
        return psutil.Process(platform.pid) if platform.process.lives() else None
    except psutil.NoSuchProcess:
        return None


def _spawned(settings: Settings, ports: Ports, predictor: Sequence[str]) -> Platform:
    """Start the daemon and wait for its report."""
    log = record.made(settings.home / "logs") / "platform.log"
    start = launching.size_of(log)
    reading, writing = os.pipe()
    try:
        _detached(settings, _command(ports, predictor, writing), writing)
    finally:
        os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        report = _report(pipe.fileno())
    if "platform" in report:
        return Platform(**report["platform"])
    last = launching.last_line(log, start) or "it wrote nothing"
    raise PlatformError(report.get("error") or f"the platform did not start: {last} (see {log}).")


def _command(ports: Ports, predictor: Sequence[str], report_fd: int) -> list[str]:
    numbers = {"api-port": ports.api, "gateway-port": ports.gateway, "report-fd": report_fd}
    flags = [f"--{name}={value}" for name, value in numbers.items()]
    program = [sys.executable, "-P", "-m", "serving.local"]
    return [*program, *flags, f"--predictor={json.dumps(predictor)}"]


def _detached(settings: Settings, command: list[str], report_fd: int) -> None:
    """Start a process that outlives this one and its terminal."""
    path = os.pathsep.join(filter(None, [str(launching.ROOT), os.environ.get("PYTHONPATH")]))
    with (settings.home / "logs" / "platform.log").open("ab") as output:
        priority.start(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=settings.home,
            env={**os.environ, **settings.environment(), "PYTHONPATH": path},
            pass_fds=(report_fd,),
            start_new_session=True,
        )


def _report(pipe: int) -> dict[str, Any]:
    """Return what the daemon says of its start; nothing if it died or took too long."""
    said, end = b"", time.monotonic() + START_S
    while select.select([pipe], [], [], max(0.0, end - time.monotonic()))[0]:
        data = os.read(pipe, 65536)
        if not data:
            break
        said += data
    return dict(json.loads(said)) if said else {}


def _require_health(settings: Settings, platform: Platform) -> None:
    if not _healthy(settings, platform):
        raise PlatformError(
            f"the platform (pid {platform.pid}) does not answer on {platform.api_url}: "
            f"`kanarya down` ends it; {settings.home / 'logs' / 'platform.log'} may tell why."
        )


def _healthy(settings: Settings, platform: Platform) -> bool:
    """Say whether both doors answer; a proxy of the environment is not asked."""
    opener = direct.opener()
    if platform.api_scheme == "https":
        opener = direct.trusting(certificate.trusting(record.services(settings)))
    try:
        for url in (platform.api_url, platform.gateway_url):
            opener.open(f"{url}/healthz", timeout=HEALTH_S).close()
    except (OSError, HTTPException):
        return False
    return True


def _point_clients(settings: Settings, platform: Platform) -> None:
    from serving.local.daemon import point_clients

    point_clients(settings, platform)


def _end(platform: Platform) -> None:
    """End the daemon with SIGTERM; one that does not heed it is killed with its predictors."""
    import psutil

    process = _process(platform)
    if process is None:
        return
    children = process.children(recursive=True)
    with contextlib.suppress(psutil.NoSuchProcess):
        process.terminate()
    try:
        process.wait(STOP_S)
    except psutil.TimeoutExpired:
        for each in (process, *children):
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()


def _predictors(platform: Platform) -> list[Predictor]:
    import psutil

    process, found = _process(platform), []
    for child in process.children() if process else ():
        with contextlib.suppress(psutil.Error):
            revision = child.environ().get(launching.REVISION, "")
            if revision:  # the collector of feedback has none
                found.append(Predictor(child.pid, revision, child.memory_info().rss))
    return found
