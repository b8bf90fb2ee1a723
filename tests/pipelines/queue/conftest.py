"""A queue of its own for each test, and a worker that is no more."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.processes import Process
from pipelines.queue import Queue
from serving.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.from_env({"KANARYA_HOME": str(tmp_path / "home")})


@pytest.fixture
def queue(settings: Settings) -> Iterator[Queue]:
    found = Queue(settings, lambda run_id: None)
    found.set_workers(8)
    yield found
    found.close()


@pytest.fixture(scope="module")
def gone() -> Process:
    """A process that has ended."""
    with subprocess.Popen([sys.executable, "-c", "pass"]) as process:
        return Process(process.pid, 1.0)
