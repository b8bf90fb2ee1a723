"""Let the steps of a local run start from a warm process instead of importing everything anew."""

from __future__ import annotations

import contextlib
import os
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

SWITCH = "KANARYA_WARM_STEPS"
# In the order in which the steps need them; the server answers between two of them.
PRELOAD = (
    "kfp.dsl.executor_main",
    "polars",
    "pydantic",
    "pandas",
    "pyarrow.parquet",
    "scipy.stats",
    "psutil",
    "sklearn.compose",
    "sklearn.ensemble",
    "sklearn.linear_model",
    "sklearn.neural_network",
    "sklearn.metrics",
    "mlflow",
    "mlflow.sklearn",
    "sqlalchemy.dialects.sqlite",
    "mlflow.store.tracking.sqlalchemy_store",
    "mlflow.store.model_registry.sqlalchemy_store",
    "skops.io",
    "onnxruntime",
    "skl2onnx",
    "matplotlib.backends.backend_agg",
    "matplotlib.figure",
    "kubernetes.client",
    "prometheus_client.parser",
)
PATIENCE_S = 5.0
STAND_IN = "python3"
_SCRIPT = """#!/bin/sh
exec "$KANARYA_PYTHON" -S -E "$KANARYA_WARM_CLIENT" "$@"
"""


@dataclass(frozen=True)
class Steps:
    """What a step's process must find in its environment."""

    environment: dict[str, str]
    folder: Path | None


COLD = Steps({}, None)


@contextlib.contextmanager
def steps(checkout: Path, preload: Sequence[str] = PRELOAD) -> Iterator[Steps]:
    """Yield the environment in which `python3` forks from a warm server.

    Where that cannot be (it needs Linux's pidfd, a folder for temporary files whose files may be
    run, and KANARYA_WARM_STEPS not 0) the environment is empty and `python3` is the interpreter
    itself.
    """
    if not _possible():
        yield COLD
        return
    with tempfile.TemporaryDirectory(prefix="kanarya-", dir=_short_folder()) as name:
        folder = Path(name)
        environment = _environment(folder)
        if not os.access(folder / STAND_IN, os.X_OK):  # a disk that is mounted noexec
            yield COLD
            return
        server = _start(folder, checkout, [environment["KANARYA_WARM_SOCKET"], *preload])
        try:
            yield Steps(environment, folder)
        finally:
            _stop(server)


def _short_folder() -> str | None:
    """Return where a socket's path stays within the 108 bytes that the system takes."""
    return None if len(tempfile.gettempdir().encode()) < 70 else "/tmp"


def _possible() -> bool:
    return hasattr(os, "pidfd_open") and os.environ.get(SWITCH, "1") != "0"


def _environment(folder: Path) -> dict[str, str]:
    stand_in = folder / STAND_IN
    stand_in.write_text(_SCRIPT, encoding="ascii")
    stand_in.chmod(stand_in.stat().st_mode | stat.S_IXUSR)
    return {
        "KANARYA_PYTHON": sys.executable,
        "KANARYA_WARM_CLIENT": str(Path(__file__).with_name("warm_client.py")),
        "KANARYA_WARM_SOCKET": str(folder / "warm.sock"),
    }


def _start(folder: Path, checkout: Path, arguments: list[str]) -> subprocess.Popen[bytes]:
    found = os.pathsep.join(filter(None, [str(checkout), os.environ.get("PYTHONPATH", "")]))
    with (folder / "server.log").open("wb") as log:
        return subprocess.Popen(
            # -P: a folder `pipelines` or `components` where the user stands is not ours.
            [sys.executable, "-P", "-m", "pipelines.warm_server", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=log,
            # The steps limit linear algebra to one thread anyway; so none is there when it forks.
            env={**os.environ, "PYTHONPATH": found, "OPENBLAS_NUM_THREADS": "1"},
        )


def _stop(server: subprocess.Popen[bytes]) -> None:
    """Let the server end: it does by itself when its stdin closes, and ends the steps that run.

    Nobody waits for that: giving its memory back takes the system a tenth of a second.
    """
    assert server.stdin is not None
    server.stdin.close()
    threading.Thread(target=_reap, args=(server,), daemon=True).start()


def _reap(server: subprocess.Popen[bytes]) -> None:
    try:
        server.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
