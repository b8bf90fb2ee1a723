"""A process that gives way to others does not make those give way that it starts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from serving import priority

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


SLICES = """
import ctypes, json, os, threading
from serving import priority

def slice_ns():
    told = ctypes.create_string_buffer(priority.SCHED_ATTR.size)
    number = priority.SCHED_SETATTR[os.uname().machine] + 1  # sched_getattr
    assert ctypes.CDLL(None).syscall(number, 0, told, len(told), 0) == 0
    return priority.SCHED_ATTR.unpack(told.raw)[5]

if %r:
    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
found = [slice_ns()]
priority.give_way()
found.append(slice_ns())
thread = threading.Thread(target=lambda: found.append(slice_ns()))
thread.start(); thread.join()
found.append(priority._as_before.submit(slice_ns).result())
print(json.dumps([*found, os.sched_getscheduler(0), os.nice(0)]))
"""


def _takes_slices() -> bool:
    if sys.platform != "linux" or os.uname().machine not in priority.SCHED_SETATTR:
        return False
    major, minor = os.uname().release.split(".")[:2]
    return (int(major), int(minor)) >= (6, 12)


@pytest.mark.skipif(not _takes_slices(), reason="threads have slices of their own from Linux 6.12")
@pytest.mark.parametrize("chosen", [False, True])
def test_who_gives_way_may_be_interrupted_and_what_is_started_may_not(chosen: bool) -> None:
    asked = [sys.executable, "-c", SLICES % chosen]
    done = subprocess.run(asked, capture_output=True, text=True, check=True)
    usual, here, thread, starter, policy, niceness = json.loads(done.stdout)
    longest = usual if chosen else priority.SLICE_NS  # who chose a policy is left alone
    assert (here, thread, starter) == (longest, longest, usual)
    assert policy == (os.SCHED_BATCH if chosen else os.SCHED_OTHER)
    assert niceness >= priority.NICENESS
