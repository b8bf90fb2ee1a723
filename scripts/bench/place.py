"""Where `make bench-serving` keeps peers, models and payloads, and how missing ones are made."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from scripts.bench.measuring import ROOT
from serving.errors import PlatformError

HARNESS = ROOT.parent / "shared" / "bench"
PEER_PYTHON = "3.11"
STAMP = ".kanarya-bench"
"""Names, inside an environment, the lock that was installed into it whole."""

TRAINED = ("lr.joblib", "rf.joblib", "cnn.keras", "mlflow_lr", "mlflow_rf", "mlflow_cnn")
CONVERTED = ("lr.onnx", "rf.onnx", "cnn.onnx")


@dataclass(frozen=True)
class Place:
    """The harness with its peers, and the folder where everything that it needs lies."""

    harness: Path
    work: Path
    venvs: Path

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Place:
        """Return the place that BENCH_HARNESS, BENCH_WORK and BENCH_VENVS name, or the usual one.

        Raises `PlatformError` where there is no harness.
        """
        harness = Path(environ.get("BENCH_HARNESS", HARNESS)).resolve()
        if not (harness / "serving" / "run.py").is_file():
            raise PlatformError(
                f"the harness with the peers is not in {harness}; name its folder: BENCH_HARNESS=…"
            )
        cache = environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        work = Path(environ.get("BENCH_WORK") or Path(cache) / "kanarya-bench").resolve()
        return cls(harness, work, Path(environ.get("BENCH_VENVS") or work / "venvs").resolve())

    def environment(self) -> dict[str, str]:
        """Return the environment for the harness: its folders, and nothing written beside it."""
        folders = {"BENCH_WORK": str(self.work), "BENCH_VENVS": str(self.venvs)}
        return {**os.environ, **folders, "PYTHONDONTWRITEBYTECODE": "1"}

    def python(self, name: str) -> Path:
        """Return the interpreter of a peer's environment, whether it is there or not."""
        own = os.environ.get(f"BENCH_VENV_{name.upper()}")
        return (Path(own) if own else self.venvs / name) / "bin" / "python"


def require_wrk() -> None:
    """Install wrk where that is allowed; raise `PlatformError` where it or taskset is missing."""
    if shutil.which("taskset") is None:
        raise PlatformError("taskset is not installed; install util-linux and try again.")
    if shutil.which("wrk"):
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        say("wrk: installing it with apt-get")
        for words in (["update"], ["install", "--yes", "wrk"]):
            subprocess.run(["apt-get", "--quiet", *words], check=False, capture_output=True)
    if shutil.which("wrk") is None:
        raise PlatformError("wrk is not installed; run `sudo apt-get install wrk` and try again.")


def installed(place: Place, names: Sequence[str]) -> set[str]:
    """Return those environments that are there whole; missing ones are made, each with a line."""
    place.venvs.mkdir(parents=True, exist_ok=True)
    return {name for name in names if _is_installed(place, name)}


def _is_installed(place: Place, name: str) -> bool:
    python = place.python(name)
    if os.environ.get(f"BENCH_VENV_{name.upper()}"):
        return python.exists()
    stamp, lock = python.parents[1] / STAMP, place.harness / "requirements" / f"{name}.lock.txt"
    want = hashlib.sha256(lock.read_bytes()).hexdigest()
    if python.exists() and stamp.exists() and stamp.read_text() == want:
        return True
    say(f"{name}: {'completing' if python.exists() else 'installing'} {python.parents[1]}")
    problem = _install(python, lock)
    if problem:
        say(f"{name}: left out, it could not be installed ({problem})")
        return False
    stamp.write_text(want)
    return True


def _install(python: Path, lock: Path) -> str:
    """Return what went wrong, "" if nothing did."""
    uv = _uv()
    if uv is None:
        return "uv is missing; install it with `pip install uv`"
    if not python.exists():
        problem = _problem([*uv, "venv", "--python", PEER_PYTHON, str(python.parents[1])])
        if problem:
            return problem
    install = [*uv, "pip", "install", "--compile-bytecode", "--python", str(python)]
    if not _problem([*install, "--no-deps", "-r", str(lock)]):
        return ""
    return _problem([*install, "-r", str(lock.with_name(lock.name.replace(".lock.txt", ".in")))])


def _uv() -> list[str] | None:
    if shutil.which("uv"):
        return ["uv"]
    return [sys.executable, "-m", "uv"] if find_spec("uv") else None


def _problem(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
    return lines[-1].strip() if done.returncode else ""


def make_models(place: Place) -> None:
    """Train the models, their ONNX copies and the payloads where any is missing.

    Raises `PlatformError` where that fails: without them there is nothing to measure.
    """
    models = place.work / "models"
    payloads = place.work / "payloads" / "cnn_32_expected.json"
    if not (all((models / name).exists() for name in TRAINED) and payloads.exists()):
        _make(place, "kserve", "train")
    if not all((models / name).exists() for name in CONVERTED):
        _make(place, "kexport", "onnx")


def _make(place: Place, name: str, what: str) -> None:
    script = place.harness / "serving" / "make_models.py"
    if not installed(place, [name]):
        raise PlatformError(f"the models cannot be made without the environment {name}.")
    say(f"models: making them in {place.work} ({what})")
    done = subprocess.run(
        [str(place.python(name)), str(script), what],
        env=place.environment(),
        cwd=place.work,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise PlatformError(f"{script.name} {what} failed: {done.stderr.strip()[-600:]}")


def say(line: str) -> None:
    """Print one line at once."""
    print(line, flush=True)
