"""A process in the background that has not come so far that anybody could find it again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.e2e.conftest import ROOT, eventually

SLEEPER = "import os, time; open('pid', 'w').write(f'{os.getpid()}.'); time.sleep(60)"
STARTS = f"""
import sys
from pipelines.background import Background
from serving.settings import Settings
Background("sleeper", (sys.executable, "-c", {SLEEPER!r}), "SLEEPER").up(Settings.from_env())
"""


@pytest.mark.e2e
def test_one_that_is_interrupted_before_it_has_noted_itself_is_not_left_behind(
    tmp_path: Path,
) -> None:
    surroundings = {**os.environ, "KANARYA_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    starting = subprocess.Popen(
        [sys.executable, "-c", STARTS], env=surroundings, stderr=subprocess.DEVNULL
    )
    noted = tmp_path / "pid"
    eventually(lambda: noted.exists() and noted.read_text().endswith("."), seconds=30)
    sleeper = psutil.Process(int(noted.read_text().strip(".")))
    starting.send_signal(signal.SIGINT)
    starting.wait(30)
    eventually(
        lambda: not sleeper.is_running() or sleeper.status() == psutil.STATUS_ZOMBIE, seconds=30
    )
