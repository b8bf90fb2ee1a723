"""A process that gives way to others does not make those give way that it starts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ENABLED = Path("/proc/sys/kernel/sched_autogroup_enabled")

PROGRAM = """
import json, os, subprocess, sys, threading
from serving import priority

def niceness(start):
    ask = [sys.executable, "-c", "import os; print(os.nice(0))"]
    with start(ask, stdout=subprocess.PIPE, start_new_session=True) as child:
        return int(child.stdout.read())

before = os.nice(0)
found = {"usual": niceness(priority.start) - before}
priority.give_way(before + 3)
priority.give_way(before + 3)  # once is enough
found["here"] = os.nice(0) - before
lowered = []
thread = threading.Thread(target=lambda: lowered.append(os.nice(0) - before))
thread.start(); thread.join()
found["threads"] = lowered[0]
found["own_children"] = niceness(subprocess.Popen) - before
found["others"] = niceness(priority.start) - before
found["error"] = ""
try:
    priority.start(["/does/not/exist"])
except FileNotFoundError as error:
    found["error"] = error.filename
group = open("/proc/self/autogroup").read().split() if %r else []  # "/autogroup-42 nice 3"
found["group"] = int(group[-1]) - before if group else 0  # or nothing, in the session of init
print(json.dumps(found))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a niceness is a thread's own on Linux only")
@pytest.mark.parametrize("own_session", [True, False])
def test_threads_give_way_and_what_is_started_does_not(own_session: bool) -> None:
    program = PROGRAM % _grouped()
    asked = [sys.executable, "-c", program]
    done = subprocess.run(asked, capture_output=True, start_new_session=own_session, check=True)
    found = json.loads(done.stdout)
    group = found.pop("group")
    assert found == {
        "usual": 0,
        "here": 3,
        "threads": 3,
        "own_children": 3,
        "others": 0,
        "error": "/does/not/exist",
    }
    if _grouped():
        assert (group == 3) is own_session  # the session of a terminal is others' too


def _grouped() -> bool:
    try:
        return ENABLED.read_text().strip() == "1"
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="a niceness is a thread's own on Linux only")
def test_who_gives_way_more_already_goes_on_to() -> None:
    program = (
        "import os; from serving import priority; before = os.nice(7); priority.give_way(3); "
        "print(os.nice(0) - before)"
    )
    asked = [sys.executable, "-c", program]
    done = subprocess.run(asked, capture_output=True, text=True, check=True)
    assert done.stdout == "0\n"
