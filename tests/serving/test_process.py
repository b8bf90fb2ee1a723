"""A process is known again whoever sets the clock, and never taken for a later one."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from serving.process import Process, this

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only Linux has it")

ASKED = """
import sys, psutil
psutil.PROCFS_PATH = sys.argv[1]
from serving.process import Process
print(Process(int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]).lives())
print(Process(int(sys.argv[2]), float(sys.argv[5])).lives())
"""


def stepped(folder: Path, seconds: int) -> Path:
    """A /proc as it is after somebody has set the clock: the boot lies at another time."""
    for name in ("self", str(os.getpid())):
        (folder / name).symlink_to(Path("/proc", name))
    lines = Path("/proc/stat").read_text().splitlines()
    moved = [f"btime {int(s.split()[1]) + seconds}" if s.startswith("btime") else s for s in lines]
    (folder / "stat").write_text("\n".join(moved) + "\n")
    return folder


def test_a_clock_that_is_set_ends_nobody(tmp_path: Path) -> None:
    known, by_the_clock = this(), psutil.Process().create_time()
    numbers = (known.pid, known.create_time, known.boot, by_the_clock)
    command = [sys.executable, "-c", ASKED, str(stepped(tmp_path, 3600)), *map(str, numbers)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert said == ["True", "False"], "by the epoch alone it would count as ended"


def test_what_an_earlier_version_noted_is_known_by_the_epoch() -> None:
    assert Process(os.getpid(), psutil.Process().create_time()).lives()


@pytest.mark.parametrize(
    "other",
    [
        replace(this(), create_time=this().create_time + 0.02),
        replace(this(), boot="another"),
        replace(this(), pid=2**22 + 1),
        Process(os.getpid(), 1.0),
    ],
    ids=["later", "another boot", "gone", "by the epoch"],
)
def test_another_process_of_that_number_is_not_it(other: Process) -> None:
    assert this().lives()
    assert not other.lives()


def test_one_that_has_ended_does_not_live_though_nobody_has_waited_for_it() -> None:
    command = [sys.executable, "-c", "from serving.process import this; print(this())"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        known = eval(process.stdout.read(), {"Process": Process})
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE
        assert not known.lives()
