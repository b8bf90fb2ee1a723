"""An installation with one live model, and the ways in which things break under it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from console import background
from pipelines import workers
from pipelines.enqueue import workers_up
from scripts.demo.traffic import rows
from serving.isvc.client import connect
from serving.isvc.resource import manifest
from serving.local import platform
from serving.local.platform import Platform, Ports
from serving.settings import Settings
from tests.e2e.conftest import IRIS, ROOT, eventually

PAGE = 4096
BODIES = rows(IRIS.with_suffix(".csv"), "species", 20)


@dataclass
class Rig:
    """A home in which a model `iris` is live; `parts`: of workers and console, what runs beside."""

    home: Path
    parts: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.settings = Settings.from_env({"KANARYA_HOME": str(self.home)})
        free = dict.fromkeys(
            ("KANARYA_API_PORT", "KANARYA_GATEWAY_PORT", "KANARYA_CONSOLE_PORT"), "0"
        )
        known = {**os.environ, **self.settings.environment(), "PYTHONPATH": str(ROOT)}
        self.environment = {**known, **free, **self.environment}

    def live(self, model: Path) -> None:
        """Start everything, and put the model at 100 %."""
        shutil.copytree(model, self.home / "models" / "iris" / "1")
        self.up()
        client = connect(self.settings.kubeconfig, "default")
        client.create(manifest("iris", "default", self.uri("1"), annotations={}))
        eventually(self.answers, 60)

    def up(self) -> Platform:
        self.platform = platform.up(self.settings, Ports(0, 0))
        if "workers" in self.parts:
            workers_up(self.settings)
        if "console" in self.parts:
            background.up(self.settings)
        return self.platform

    def down(self) -> None:
        workers.down(self.settings)
        background.down(self.settings)
        platform.down(self.settings)

    def uri(self, version: str) -> str:
        return (self.home / "models" / "iris" / version).as_uri()

    def kanarya(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "scripts", *words]
        known = {**self.environment, **more}
        return subprocess.run(command, env=known, capture_output=True, text=True, timeout=600)

    def refused(self, *words: str, **more: str) -> str:
        """Return the one sentence that a command ends with."""
        done = self.kanarya(*words, **more)
        assert done.returncode, done.stdout
        said = done.stderr.strip().splitlines()
        assert len(said) == 1 and said[0].startswith("kanarya: "), done.stderr
        return said[0]

    def ask(self, body: bytes = BODIES[0]) -> tuple[int, Any]:
        """Ask the model; (0, None) where nobody answers."""
        where = f"{self.platform.gateway_url}/serving/default/iris/v1/models/iris:predict"
        return asked(where, body)

    def answers(self) -> bool:
        return self.ask()[0] == 200

    def everything(self) -> list[Any]:
        """What the model says to twenty rows."""
        return [self.ask(body) for body in BODIES]

    def predictor(self) -> int:
        (found,) = platform.status(self.settings).predictors
        return found.pid

    def console(self) -> str:
        found = background.status(self.settings)
        assert found is not None
        return found.url

    def log(self, name: str) -> str:
        return (self.home / "logs" / f"{name}.log").read_text(encoding="utf-8")


def asked(where: str, body: bytes | None = None) -> tuple[int, Any]:
    """Return status and JSON of an answer; (0, None) where nobody answers."""
    try:
        with urllib.request.urlopen(where, body, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)
    except (OSError, ValueError):
        return 0, None


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def mounted(words: list[str]) -> None:
    done = subprocess.run(["mount", *words], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"nothing can be mounted here ({done.stderr.strip()}): run it as root")


@contextmanager
def disk(folder: Path, megabytes: int) -> Iterator[None]:
    """Have a folder on a disk of its own."""
    folder.mkdir(exist_ok=True)
    mounted(["-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)])
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    """Leave no byte on the disk of a folder."""
    filler = folder / "filler.partial"
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 16, 1):
            try:
                while True:
                    file.write(b"0" * size)
            except OSError:
                continue
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Let nobody open a file of the folder to write; who has one open goes on."""
    mounted(["--bind", str(folder), str(folder)])
    try:
        mounted(["-o", "remount,bind,ro", str(folder)])
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def spoil(database: Path) -> None:
    """Overwrite every page of a database but the first."""
    for left in ("-wal", "-shm"):
        database.with_name(database.name + left).unlink(missing_ok=True)
    pages = database.stat().st_size // PAGE
    with database.open("r+b") as file:
        file.seek(PAGE)
        file.write(b"\xa5" * PAGE * (pages - 1))
