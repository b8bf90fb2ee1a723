"""The machine itself: Python, packages, ports, disk, clock, home, databases."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pipelines.doctor.finding import Finding, ok, unknown, warning, wrong
from serving.errors import KanaryaError, PlatformError
from serving.local import platform
from serving.local.ports import Ports, holder
from serving.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PYTHONS = ((3, 11), (3, 13))
PINNED = ("kfp", "mlflow", "kserve", "scikit-learn", "onnxruntime", "kubernetes", "huey")
SETUP = "make setup"
OTHER_PORTS = "KANARYA_API_PORT=0 KANARYA_GATEWAY_PORT=0 kanarya up"
LEAST_FREE, LITTLE_FREE = 2**30, 5 * 2**30


def findings(settings: Settings) -> Iterator[Finding]:
    """Yield what there is to say of this machine."""
    yield python(sys.version_info[:2])
    yield from pins(ROOT / "requirements" / "laptop.txt")
    yield home(settings.home)
    yield disk(settings.home, shutil.disk_usage(_existing(settings.home)).free)
    yield clock(time.time(), _newest(settings.home))
    yield ports(settings)
    for name in ("services/platform.db", "mlflow.db", "queue.db"):
        path = settings.home / name
        if path.is_file():
            yield database(path)


def python(running: tuple[int, int]) -> Finding:
    """Judge the version of Python."""
    said = ".".join(map(str, running))
    if PYTHONS[0] <= running <= PYTHONS[1]:
        return ok("python", said)
    return wrong("python", f"{said}; 3.11 to 3.13 are supported", f"PYTHON=python3.13 {SETUP}")


def pins(lock: Path) -> Iterator[Finding]:
    """Compare what is installed with what is locked."""
    locked = _locked(lock)
    for name in PINNED:
        wanted, found = locked.get(name), _installed(name)
        if found is None:
            yield wrong(name, "it is not installed", SETUP)
        elif wanted and found != wanted:
            yield wrong(name, f"{found} is installed, {wanted} is locked", SETUP)
        else:
            yield ok(name, found)


def _locked(lock: Path) -> dict[str, str]:
    text = lock.read_text(encoding="utf-8") if lock.is_file() else ""
    return dict(re.findall(r"^([a-z0-9-]+)==([^\s;]+)", text, re.MULTILINE))


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def home(path: Path) -> Finding:
    """Say whether the home can be written."""
    there = _existing(path)
    if os.access(there, os.W_OK | os.X_OK):
        return ok("home", str(path) if path.is_dir() else f"{path} is made by the first run")
    if os.statvfs(there).f_flag & os.ST_RDONLY:
        return wrong("home", f"{there} is on a read-only disk", f"mount -o remount,rw {there}")
    return wrong("home", f"{there} cannot be written", f"chown -R {os.getuid()} {there}")


def disk(path: Path, free: int) -> Finding:
    """Judge the bytes that are free below the home."""
    said = f"{free / 2**30:.1f} GB are free at {path}"
    if free < LEAST_FREE:
        return wrong("disk", said, "kanarya gc --apply")
    return warning("disk", said, "kanarya gc") if free < LITTLE_FREE else ok("disk", said)


def clock(now: float, newest: float) -> Finding:
    """Judge the clock by what was written here before: the ledger's order is that of time."""
    behind = newest - now
    if behind > 60:
        said = f"it is {behind:.0f} s behind the newest file of the home"
        return wrong("clock", said, "timedatectl set-ntp true")
    return ok("clock", time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now)))


def _newest(path: Path) -> float:
    files = [*path.glob("*"), *path.glob("services/*"), *path.glob("ledger/*/*")]
    return max((each.stat().st_mtime for each in files), default=0.0)


def ports(settings: Settings) -> Finding:
    """Say whether the platform answers, or whether its ports are free."""
    standing = platform.status(settings)
    if standing.platform:
        if standing.healthy:
            at = f"{standing.platform.api_port} and {standing.platform.gateway_port}"
            return ok("ports", f"the platform answers on {at}")
        return wrong("ports", "the platform does not answer", "kanarya down && kanarya up")
    try:
        Ports.from_env().require_free()
    except PlatformError as error:
        ours = _of_ours(settings.home, Ports.from_env())
        return ours or wrong("ports", str(error), OTHER_PORTS)
    except KanaryaError as error:
        return wrong("ports", str(error), OTHER_PORTS)
    return ok("ports", "free; the platform is down")


def _of_ours(home: Path, wanted: Ports) -> Finding | None:
    """Return what is to be said where it is a platform of ours that has a port."""
    found = holder(wanted.api) or holder(wanted.gateway)
    if found is None or found.home is None:
        return None
    if found.home.resolve() == home.resolve():
        return ok("ports", f"{found} has them, and is coming up or going down")
    said = f"{found} has them; two platforms need ports of their own"
    return warning("ports", said, OTHER_PORTS)


def database(path: Path) -> Finding:
    """Look for damaged pages."""
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as opened:
            said = str(opened.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.Error as error:
        said = str(error)
    if said == "ok":
        return ok(path.name, f"{path.stat().st_size / 1e6:.1f} MB, whole")
    said = " ".join(said.split())
    if "locked" in said:
        return unknown(path.name, said, "kanarya doctor")
    return wrong(path.name, f"it is damaged ({said})", "kanarya restore FOLDER --force")


def _existing(path: Path) -> Path:
    return next(each for each in (path, *path.parents) if each.exists())
