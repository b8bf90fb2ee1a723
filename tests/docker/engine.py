"""The docker command, the images of `make images`, and containers as locked down as pods are."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from scripts import images

ROOT = Path(__file__).resolve().parents[2]
STAND_IN = "kanarya-stand-in"
START_S = 180
NOBODY = 50000
USER = f"{NOBODY}:{NOBODY}"
LOCKED = (
    *("--read-only", "--tmpfs", "/tmp:size=256m", "--user", USER, "--cap-drop", "ALL"),
    *("--security-opt", "no-new-privileges"),
)
"""What the manifests ask of a container, as docker says it."""


def docker(*words: str, check: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run docker and return what it said; fail with its own words."""
    done = subprocess.run(["docker", *words], capture_output=True, text=True, **options)
    assert not check or done.returncode == 0, done.stderr
    return done


def require_engine() -> None:
    """Skip where no container engine answers."""
    if not shutil.which("docker") or docker("info", check=False).returncode:
        pytest.skip("no container engine answers; install docker and start its daemon")


@cache
def image(name: str) -> str:
    """Build one of `scripts.images.IMAGES` and return the name with the commit."""
    require_engine()
    found = next(each for each in images.IMAGES if each.name == name)
    environment = {**os.environ, **_base(found), "KANARYA_BUILD": name}
    words = [sys.executable, "-m", "scripts.images", "build", "--network", "host", "--quiet"]
    built = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    return images.release(environment).tags(found)[0]


def _base(wanted: images.Image) -> dict[str, str]:
    """Return what names the base image; where no registry answers, one is made of this machine."""
    if "KANARYA_PYTHON_IMAGE" in os.environ or _official(wanted):
        return {}
    name = f"{STAND_IN}:{wanted.python}"
    if docker("image", "inspect", name, check=False).returncode:
        python = next(_interpreters(wanted.python), None)
        if not python or not shutil.which("debootstrap") or os.getuid():
            pytest.skip(
                "no registry answers; name a base image in KANARYA_PYTHON_IMAGE, or run as root "
                f"with debootstrap and a python{wanted.python} with pip for a stand-in"
            )
        subprocess.run([str(ROOT / "tests/docker/stand_in.sh"), python, name], check=True)
    return {"KANARYA_PYTHON_IMAGE": name}


def _interpreters(version: str) -> Iterator[str]:
    """Yield the interpreters of a version that hold their own pip and can be copied: no shims."""
    places = [*Path.home().glob(".pyenv/versions/*/bin")]
    places += [Path(each) for each in os.environ.get("PATH", "").split(os.pathsep) if each]
    holds = "import sys; print(sys.version[:4], sys.base_prefix)"
    for python in (place / f"python{version}" for place in places):
        if python.is_file():
            done = subprocess.run([python, "-I", "-c", holds], capture_output=True, text=True)
            said, _, prefix = done.stdout.strip().partition(" ")
            if said == version and Path(prefix, f"lib/python{version}/site-packages/pip").is_dir():
                yield str(python)


def _official(wanted: images.Image) -> bool:
    """Say whether the base image that the Dockerfile names is here or can be had."""
    lines = (ROOT / wanted.dockerfile).read_text(encoding="utf-8").splitlines()
    name = next(line.split("=")[1] for line in lines if line.startswith("ARG PYTHON_IMAGE="))
    words = (("image", "inspect", name), ("pull", "--quiet", name))
    return any(docker(*each, check=False).returncode == 0 for each in words)


def inspected(what: str) -> Any:
    """Return what docker knows of an image or a container."""
    return json.loads(docker("inspect", what).stdout)[0]


def printed(image: str, program: str, given: str = "") -> Any:
    """Return the JSON that a program prints in the image, locked down and without a network."""
    words = ("run", "--rm", "--interactive", "--network", "none", *LOCKED)
    entry = ("--entrypoint", "python", image, "-P", "-c", program)
    return json.loads(docker(*words, *entry, input=given).stdout.splitlines()[-1])


@contextmanager
def running(image: str, *words: str, flags: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the id of a container in the background, locked down; remove it afterwards."""
    started = docker("run", "--detach", *LOCKED, *flags, image, *words)
    name = started.stdout.strip()
    try:
        yield name
    finally:
        docker("rm", "--force", name)


def until_healthy(name: str) -> None:
    """Return when the container's own health check passes; fail with what it said."""
    end = time.monotonic() + START_S
    while not healthy(name):
        state = inspected(name)["State"]["Status"]
        told = docker("logs", name)
        assert state == "running" and time.monotonic() < end, told.stdout + told.stderr
        time.sleep(0.2)


def healthy(name: str) -> bool:
    """Say whether the container's own health check passes now."""
    check = inspected(name)["Config"]["Healthcheck"]["Test"]
    assert check[0] == "CMD"
    return docker("exec", name, *check[1:], check=False).returncode == 0


def user() -> str:
    """Nobody in particular; where the tests are not root's, who runs them, so that files match."""
    return USER if os.getuid() == 0 else f"{os.getuid()}:{os.getgid()}"


def given(folder: Path) -> Path:
    """Make a folder that the containers' user owns."""
    folder.mkdir(parents=True)
    if os.getuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
    return folder


UNCOMPILED = (
    "import json, sysconfig; from pathlib import Path; "
    "from importlib.util import cache_from_source; "
    "home = Path(sysconfig.get_path('purelib')); "
    "print(json.dumps([str(p) for p in home.rglob('*.py') "
    "if not Path(cache_from_source(p)).exists()]))"
)
"""A program that prints the modules which were not compiled when the image was built."""
