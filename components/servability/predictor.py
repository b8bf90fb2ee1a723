"""The real predictor process, started as the local platform starts it, asked, and ended."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import IO, Any

import numpy as np

from serving.errors import ModelError
from serving.local.launching import PREDICTOR, ROOT
from serving.local.sockets import LOOPBACK, bound, port_of
from serving.settings import PUBLIC_KEY, SIGNING_KEY

MODEL = "candidate"
READY_S = 60.0
"""Longest time until it is ready; a network of some hundred MB takes a few seconds."""
ANSWER_S = 10.0
POLL_S = 0.01


@dataclass(frozen=True)
class Predictor:
    """A predictor that is ready: its process, its port, and the seconds that its start took."""

    pid: int
    port: int
    start_s: float


@contextmanager
def started(directory: Path) -> Iterator[Predictor]:
    """Yield a predictor that serves the model directory; it has ended when the block has.

    It ends by itself where this process is killed. Raises ModelError with its own words where it
    does not become ready.
    """
    with tempfile.TemporaryFile() as log, bound() as sock:
        began, port = time.monotonic(), port_of(sock)
        flags = {"model_name": MODEL, "model_dir": directory, "listen_fd": sock.fileno()}
        words = [f"--{name}={value}" for name, value in {**flags, "http_port": port}.items()]
        process = subprocess.Popen(
            [*PREDICTOR, *words, "--exit_with_parent"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(sock.fileno(),),
            env=_environment(),
        )
        try:
            _await_ready(process, port, log)
            yield Predictor(process.pid, port, time.monotonic() - began)
        finally:
            process.kill()  # nobody waits for an answer of it
            process.wait()


def ask(http: HTTPConnection, body: bytes) -> np.ndarray:
    """Return the probabilities [n, k], or numbers [n, 1], that the predictor answers with."""
    try:
        http.request("POST", f"/v2/models/{MODEL}/infer", body)
        answer = http.getresponse()
        data = answer.read()
    except (OSError, HTTPException) as error:
        raise ModelError(f"the predictor ended a request without an answer ({error})") from error
    if answer.status != 200:
        said = data[:200].decode(errors="replace")
        raise ModelError(f"the predictor answered a golden row with {answer.status}: {said}")
    return _numbers(json.loads(data)["outputs"])


def connection(port: int) -> HTTPConnection:
    """Return a connection that stays open."""
    return HTTPConnection(LOOPBACK, port, timeout=ANSWER_S)


def memory(pid: int) -> tuple[int | None, int | None]:
    """Return RSS and PSS of a process in bytes, None where the system does not tell."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return None, None
    sizes = {line.split(":")[0]: line.split()[1] for line in lines[1:] if len(line.split()) == 3}
    rss, pss = (int(sizes[name]) * 1024 if name in sizes else None for name in ("Rss", "Pss"))
    return rss, pss


def _environment() -> dict[str, str]:
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    # A candidate is signed when it is published, not before.
    return {**os.environ, "PYTHONPATH": path, PUBLIC_KEY: "", SIGNING_KEY: ""}


def _await_ready(process: subprocess.Popen[bytes], port: int, log: IO[bytes]) -> None:
    deadline = time.monotonic() + READY_S
    while not _ready(port):
        if process.poll() is not None:
            raise ModelError(f"the predictor does not start: {_said(log)}")
        if time.monotonic() > deadline:
            raise ModelError(f"the predictor was not ready after {READY_S:g} s: {_said(log)}")
        time.sleep(POLL_S)


def _ready(port: int) -> bool:
    http = HTTPConnection(LOOPBACK, port, timeout=1.0)
    try:
        http.request("GET", f"/v2/models/{MODEL}/ready")
        return http.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        http.close()


def _said(log: IO[bytes]) -> str:
    log.seek(0)
    lines = [line for line in log.read().decode(errors="replace").splitlines() if line.strip()]
    return lines[-1].removeprefix("error: ") if lines else "it said nothing"


def _numbers(outputs: list[dict[str, Any]]) -> np.ndarray:
    """Return the output that is no label."""
    for output in outputs:
        if output["name"] != "label":
            return np.asarray(output["data"], dtype=np.float64).reshape(output["shape"][0], -1)
    raise ModelError("the predictor answered with a label only")
