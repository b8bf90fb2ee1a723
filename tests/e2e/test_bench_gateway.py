"""The benchmark of the gateway measures the real system, and leaves nothing behind."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.e2e.conftest import ROOT, eventually

pytestmark = pytest.mark.e2e

MOMENTS = ("canary_10", "canary_50", "promoted", "second_50", "rollback_0", "third_50", "killed")
ONNXRUNTIMES_OWN = ".ses"  # it writes one into the folder of temporary files when imported
QUANTILES = ("p50", "p95", "p99")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A place for temporary files; pytest's own has a name too long for a socket below it."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def begin(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start the benchmark; all that it writes goes below the folder."""
    return subprocess.Popen(
        [sys.executable, "-m", "scripts.bench.gateway", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(folder), "PYTHONPATH": str(ROOT)},
        start_new_session=True,
    )


def left_by(folder: Path) -> list[str]:
    """Return the files and processes that are still there."""
    commands = [" ".join(p.info["cmdline"] or []) for p in psutil.process_iter(["cmdline"])]
    files = [str(path) for path in folder.iterdir() if path.name != ONNXRUNTIMES_OWN]
    return [*files, *(c for c in commands if str(folder) in c)]


@pytest.mark.slow
def test_it_measures_both_sides_and_no_request_fails_while_the_split_changes(
    folder: Path,
) -> None:
    out, err = begin(folder, "--seconds", "2").communicate(timeout=240)
    told = json.loads(out.splitlines()[-1]) if out.strip() else pytest.fail(err)
    figures = told["figures"]
    sides = {f"{side}_{q}_ms" for side in ("direct", "gateway", "added") for q in QUANTILES}
    phases = {f"{m}_{what}" for m in MOMENTS for what in ("requests", "failed", "retried")}
    assert told["bench"] == "gateway"
    ratios = {f"gateway/direct_{what}" for what in (*QUANTILES, "throughput")}
    assert set(told["ratios"]) == ratios
    assert sides | phases | {"direct_per_s", "gateway_per_s"} <= set(figures)
    assert {k: v for k, v in figures.items() if k.endswith("_failed") and v} == {}, out
    assert (figures["split_windows"], figures["split_windows_inexact"]) == (14, 0), out
    assert figures["killed_retried"] > 0, "nobody was killed while it had a share"
    assert left_by(folder) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_in_the_middle_it_leaves_nothing_behind(
    folder: Path, number: signal.Signals
) -> None:
    process = begin(folder)
    eventually(lambda: any(folder.glob("*/services/platform.json")), seconds=60)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err.splitlines() == ["stopped; the platform is down and its folder removed"]
    assert left_by(folder) == []
