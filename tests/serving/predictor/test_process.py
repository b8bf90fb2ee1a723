"""How the real process starts, refuses to start, and ends."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving.predictor.served import load
from tests.serving.predictor.running import (
    DEADLINE_S,
    FAULT,
    ROW,
    Predictor,
    command,
    end,
    wait_for,
)

pytestmark = pytest.mark.e2e


def test_the_event_loop_is_uvloop(flowers: Predictor) -> None:
    assert "event loop uvloop" in flowers.log.read_text()


def test_without_an_inherited_socket_it_binds_a_free_port_on_loopback(
    iris_model_dir: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with log.open("wb") as stream:
        started = command(iris_model_dir, "--http_port", "0")
        process = subprocess.Popen(started, stdout=stream, stderr=stream)
    try:
        wait_for(lambda: "event loop" in log.read_text(), "the server runs")
    finally:
        end(process)
    assert "iris version 1 on http://127.0.0.1:" in log.read_text()


def test_a_crash_takes_the_process_down_with_the_next_prediction(
    mixed_model_dir: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with Predictor(mixed_model_dir, "people", log, "--fault_injection") as doomed:
        doomed.wait()
        assert doomed.ask("POST", FAULT, {"crash": True})[0] == 200
        assert doomed.ask("GET", "/v2/models/people/ready")[0] == 200
        with pytest.raises(OSError, match=r"."):
            doomed.v1({"instances": [ROW]})
        assert doomed.process.wait(DEADLINE_S) == 70
        assert "crashes on purpose" in log.read_text()


def test_sigterm_finishes_what_was_accepted_and_exits_with_0(
    mixed_model_dir: Path, tmp_path: Path
) -> None:
    with Predictor(mixed_model_dir, "people", tmp_path / "log", "--fault_injection") as predictor:
        predictor.wait().ask("POST", FAULT, {"latency_ms": 500})
        with socket.create_connection(("127.0.0.1", predictor.port)) as client:
            body = json.dumps({"instances": [ROW]}).encode()
            head = "POST /v1/models/people:predict HTTP/1.1\r\nHost: x\r\nContent-Length: "
            client.sendall(head.encode() + f"{len(body)}\r\n\r\n".encode() + body)
            # An answer on a later connection says that the first one was read before.
            assert predictor.ask("GET", "/v2/health/live")[0] == 200
            predictor.process.send_signal(signal.SIGTERM)
            assert b"200 OK" in client.recv(4096)
        assert predictor.process.wait(DEADLINE_S) == 0


PARENT = """
import socket, subprocess, sys
listener = socket.socket(fileno=int(sys.argv[1]))
child = subprocess.Popen(sys.argv[2:], pass_fds=[listener.fileno()], stderr=subprocess.DEVNULL)
print(child.pid, flush=True)
child.wait()
"""


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_predictor_ends_when_its_parent_is_killed(iris_model_dir: Path, workers: str) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    descriptor = str(listener.fileno())
    address = listener.getsockname()
    flags = ["--model_name", "m", "--listen_fd", descriptor, "--exit_with_parent"]
    flags += ["--workers", workers]
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, descriptor, *command(iris_model_dir, *flags)],
        pass_fds=[listener.fileno()],
        stdout=subprocess.PIPE,
    )
    listener.close()

    def is_open() -> bool:
        with socket.socket() as client:
            return client.connect_ex(address) == 0

    def answers() -> bool:
        with socket.create_connection(address, timeout=DEADLINE_S) as client:
            client.sendall(b"GET /v2/models/m/ready HTTP/1.0\r\n\r\n")
            return b"200 OK" in client.recv(4096)

    try:
        wait_for(lambda: is_open() and answers(), "the predictor is ready")
    finally:
        parent.kill()
        printed, _ = parent.communicate()
    try:
        wait_for(lambda: not is_open(), "the predictor is gone")
    except AssertionError:
        os.kill(int(printed), signal.SIGKILL)
        raise


def test_a_model_that_scikit_learn_answers_says_the_same_by_every_way(
    native_model_dir: Path, tmp_path: Path
) -> None:
    row = [5.9, 3.0, 5.1, 1.8]
    expected = load(native_model_dir).answer(np.array([row], np.float32))
    with Predictor(native_model_dir, "iris", tmp_path / "log") as predictor:
        status, answer = predictor.wait().v1({"instances": [row]})
        matrix = {"name": "x", "datatype": "FP32", "shape": [1, 4], "data": row}
        again = predictor.v2({"inputs": [matrix]})
    assert (status, answer["predictions"]) == (200, expected.labels)
    assert answer["model_version"] == "2"
    np.testing.assert_allclose(answer["probabilities"], expected.probabilities, atol=1e-6)
    assert again[0] == 200, again


def damaged(directory: Path) -> None:
    (directory / "model.onnx").write_bytes(b"changed")


def extended(directory: Path) -> None:
    (directory / "native" / "extra.py").write_text("import os")


@pytest.mark.parametrize(
    ("damage", "words"),
    [(damaged, "model.onnx"), (extended, "native/extra.py"), (shutil.rmtree, "is not a directory")],
)
def test_a_directory_that_was_tampered_with_is_not_served(
    iris_model_dir: Path, tmp_path: Path, damage: Callable[[Path], Any], words: str
) -> None:
    directory = shutil.copytree(iris_model_dir, tmp_path / "model")
    damage(directory)
    done = subprocess.run(
        command(directory, "--http_port", "0"), capture_output=True, text=True, timeout=DEADLINE_S
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert words in line


@pytest.mark.parametrize(
    "flags", [["--odd"], ["--workers", "0"], ["--enable_grpc", "perhaps"], ["--http_port", "x"]]
)
def test_flags_that_are_unknown_or_wrong_end_with_the_usage(
    iris_model_dir: Path, flags: list[str]
) -> None:
    done = subprocess.run(
        command(iris_model_dir, *flags), capture_output=True, text=True, timeout=DEADLINE_S
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "usage: " in done.stderr
