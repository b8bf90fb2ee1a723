"""An environment of its own for Triton's clients, which do not resolve against our lock.

It is made once and kept: below `KANARYA_TEST_CACHE` where that is set, otherwise in pytest's cache.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REQUIREMENT = "tritonclient[http,grpc]==2.73.0"
DEADLINE_S = 240


def environment(cache: Path) -> Path:
    """Return the interpreter of an environment with the clients; skip where none can be made."""
    home = Path(os.environ.get("KANARYA_TEST_CACHE") or cache) / ".venv-triton"
    stamp, python = home / "made-for", home / "bin" / "python"
    if stamp.exists() and stamp.read_text() == REQUIREMENT and python.exists():
        return python
    shutil.rmtree(home, ignore_errors=True)
    home.parent.mkdir(parents=True, exist_ok=True)
    for command in _commands(home, python):
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S)
        except subprocess.TimeoutExpired:
            pytest.skip(f"{REQUIREMENT} was not there within {DEADLINE_S} s; is the index slow?")
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            pytest.skip(f"{REQUIREMENT} cannot be installed; is a package index reachable? {last}")
    stamp.write_text(REQUIREMENT)
    return python


def _commands(home: Path, python: Path) -> list[list[str]]:
    uv = [sys.executable, "-m", "uv"]
    if subprocess.run([*uv, "--version"], capture_output=True).returncode:
        pip = [str(python), "-m", "pip", "install", "--quiet"]
        return [[sys.executable, "-m", "venv", str(home)], [*pip, REQUIREMENT]]
    return [
        [*uv, "venv", "--quiet", "--python", sys.executable, str(home)],
        [*uv, "pip", "install", "--quiet", "--python", str(python), REQUIREMENT],
    ]
