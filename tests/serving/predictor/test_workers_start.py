"""What keeps several workers from starting is one sentence, before anybody listens."""

import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from serving.artifact import publish, read_golden, seal, write_golden
from serving.golden import Golden
from tests.serving.predictor.running import (
    DEADLINE_S,
    command,
)

pytestmark = pytest.mark.e2e


def refused(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(arguments, capture_output=True, text=True, timeout=DEADLINE_S)


def sentence(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one line of ours; KServe may have logged before it."""
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert "Traceback" not in done.stderr
    return line


def test_a_model_that_does_not_answer_its_golden_rows_ends_the_parent(
    mixed_model_dir: Path, tmp_path: Path
) -> None:
    packaged = shutil.copytree(mixed_model_dir, tmp_path / "packaged")
    golden = read_golden(packaged)
    write_golden(packaged, Golden(golden.columns, golden.probabilities[::-1]))
    (packaged / "MANIFEST.json").unlink()
    seal(packaged)
    publish(packaged, tmp_path / "4", "4")
    done = refused(*command(tmp_path / "4", "--http_port", "0", "--workers", "2"))
    assert done.returncode == 1
    assert "answers its golden rows with a difference of" in sentence(done)


def test_a_port_that_is_taken_is_said_before_anything_is_loaded(mixed_model_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = refused(*command(mixed_model_dir, "--http_port", port, "--workers", "2"))
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in sentence(done)


def test_faults_on_purpose_need_a_single_process(mixed_model_dir: Path) -> None:
    flags = ["--workers", "2", "--fault_injection"]
    done = refused(*command(mixed_model_dir, "--http_port", "0", *flags))
    assert done.returncode == 2
    assert "--fault_injection" in sentence(done)
