"""The docker command, an image built by it, and a container that serves a model directory."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
IMAGE = "kanarya/predictor-python:tests"
LOCKED = (
    *("--read-only", "--tmpfs", "/tmp:size=64m", "--user", "50000:50000", "--cap-drop", "ALL"),
    *("--security-opt", "no-new-privileges"),
)
"""What manifests/runtime asks of a container, as docker says it."""


def docker(*words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run docker and return what it said; fail with its own words."""
    environment = {**os.environ, "DOCKER_BUILDKIT": "1"}
    done = subprocess.run(["docker", *words], capture_output=True, text=True, env=environment)
    assert not check or done.returncode == 0, done.stderr
    return done


def require_engine() -> None:
    """Skip where no container engine answers."""
    if not shutil.which("docker") or docker("info", check=False).returncode:
        pytest.skip("no container engine answers; install docker and start its daemon")


def build(commit: str) -> str:
    """Build serving/Dockerfile and return the image's name.

    `KANARYA_TEST_PYTHON_IMAGE` replaces the base image, `KANARYA_TEST_PIP_CONF` and
    `KANARYA_TEST_CA` are files for pip behind a mirror.
    """
    secrets = {"pip_conf": "KANARYA_TEST_PIP_CONF", "ca": "KANARYA_TEST_CA"}
    words = [
        word
        for name, variable in secrets.items()
        if variable in os.environ
        for word in ("--secret", f"id={name},src={os.environ[variable]}")
    ]
    if base := os.environ.get("KANARYA_TEST_PYTHON_IMAGE"):
        words += ["--build-arg", f"PYTHON_IMAGE={base}"]
    words += ["--build-arg", f"GIT_COMMIT={commit}", "--network", "host", "--tag", IMAGE]
    docker("build", *words, "--file", str(ROOT / "serving" / "Dockerfile"), str(ROOT))
    return IMAGE


def inspected(what: str) -> Any:
    """Return what docker knows of an image or a container."""
    return json.loads(docker("inspect", what).stdout)[0]


@contextmanager
def container(model_dir: Path, *words: str, network: str) -> Iterator[str]:
    """Yield the id of a container that serves a directory, locked down; remove it afterwards."""
    mount = ("--volume", f"{model_dir}:/mnt/models:ro")
    started = docker("run", "--detach", "--network", network, *LOCKED, *mount, IMAGE, *words)
    name = started.stdout.strip()
    try:
        yield name
    finally:
        docker("rm", "--force", name)
