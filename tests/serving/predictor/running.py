"""A real predictor process on a socket that the test bound, and a small client for it."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

DEADLINE_S = 60.0
ROW = {"age": 30.5, "visits": 2, "member": True, "town": "Izmir"}
FAULT = "/kanarya/fault"


def tensor(name: str, datatype: str, data: Any, shape: list[int] | None = None) -> Any:
    """Return one input of a V2 body."""
    return {"name": name, "datatype": datatype, "shape": shape or [len(data)], "data": data}


def tensors(**changed: Any) -> Any:
    """Return a V2 body with `ROW`, and some of its inputs replaced."""
    usual = {
        "age": tensor("age", "FP32", [30.5]),
        "visits": tensor("visits", "INT64", [2]),
        "member": tensor("member", "BOOL", [True]),
        "town": tensor("town", "BYTES", ["Izmir"]),
    }
    return {"inputs": list({**usual, **changed}.values())}


def infer_request(binary: bool) -> Any:
    """Return `ROW` as a request of KServe's own clients, asking for answers of the same sort."""
    from kserve import InferInput, InferRequest

    cells = {
        "age": np.array([30.5], np.float32),
        "visits": np.array([2], np.int64),
        "member": np.array([True]),
        "town": np.array([b"Izmir"], np.object_),
    }
    datatypes = {"age": "FP32", "visits": "INT64", "member": "BOOL", "town": "BYTES"}
    inputs = [InferInput(name, [1], datatypes[name]) for name in cells]
    for item in inputs:
        item.set_data_from_numpy(cells[item.name], binary_data=binary)
    return InferRequest("people", inputs, parameters={"binary_data_output": binary})


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Return as soon as the condition holds; fail with `what` after the deadline."""
    end = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {DEADLINE_S} s")
        time.sleep(0.02)


def command(model_dir: Path, *flags: str) -> list[str]:
    """Return the command line of a predictor."""
    return [sys.executable, "-m", "serving.predictor", "--model_dir", str(model_dir), *flags]


def end(process: subprocess.Popen[Any]) -> None:
    """Stop a process as a platform does; fail where it does not heed that."""
    process.terminate()
    try:
        process.wait(DEADLINE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise


class Predictor:
    """A predictor process: starts when entered, ready on `wait`, ends with the block."""

    def __init__(self, model_dir: Path, name: str, log: Path, *flags: str) -> None:
        self.name, self.log = name, log
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        descriptor = str(self._listener.fileno())
        self._command = command(model_dir, "--model_name", name, "--listen_fd", descriptor, *flags)

    def __enter__(self) -> Predictor:
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self._command, stdout=log, stderr=log, pass_fds=[self._listener.fileno()]
            )
        self._listener.close()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        end(self.process)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait(self) -> Predictor:
        """Return when the model is ready."""
        wait_for(self.is_ready, f"{self.name} is ready")
        return self

    def is_ready(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name} ended: {self.log.read_text()}")
        return self.is_open() and self.ask("GET", f"/v2/models/{self.name}/ready")[0] == 200

    def is_open(self) -> bool:
        """Say whether anybody listens on the port."""
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Return status and parsed answer; a body that is not bytes is sent as JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_S)
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"content-type": "application/json", **headers}
        try:
            connection.request(method, path, data, sent)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        is_json = (answer.getheader("content-type") or "").startswith("application/json")
        return answer.status, json.loads(content) if is_json else content.decode()

    def v1(self, body: Any, **headers: str) -> tuple[int, Any]:
        return self.ask("POST", f"/v1/models/{self.name}:predict", body, **headers)

    def v2(self, body: Any) -> tuple[int, Any]:
        return self.ask("POST", f"/v2/models/{self.name}/infer", body)
