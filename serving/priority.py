"""Give way to others, and do not hand that on: what this process starts is as important as before.

On Linux a niceness is a thread's own, a child has that of the thread that starts it, and only root
can take it back (setpriority(2)). So one thread stays as it was and starts the others. Where the
kernel schedules sessions as groups, the niceness of the group counts between them (sched(7),
"The autogroup feature"); a program in a session of its own begins a group of its own.

A niceness shares the processor out, but who runs keeps it until their slice is over, some 3 ms,
whoever wakes meanwhile. From Linux 6.12 on a thread may ask for another slice (sched_setattr(2)),
and one of a shorter slice may interrupt one of a longer: to give way is to ask for the longest.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

NICENESS = 5
"""A third of the share of those who do not give way (sched(7)): enough that they come first."""
SLICE_NS = 100_000_000
"""The longest slice that Linux gives."""
SCHED_SETATTR = {"x86_64": 314, "aarch64": 274, "riscv64": 274}
"""The number of the system call: no library has a name for it."""
SCHED_ATTR = struct.Struct("=IIQiIQQQ")
"""size, policy, flags, niceness, priority, runtime (the slice), deadline, period; times in ns."""
AUTOGROUP = Path("/proc/self/autogroup")

_as_before: ThreadPoolExecutor | None = None


def give_way(niceness: int = NICENESS) -> None:
    """Let whoever else wants the processor come first: this thread, and those it starts from now.

    Elsewhere than on Linux a niceness is the whole process's, and nothing is done.
    """
    global _as_before
    if sys.platform != "linux" or _as_before is not None:
        return
    from concurrent.futures import ThreadPoolExecutor  # not for who only starts: milliseconds

    _as_before = ThreadPoolExecutor(1, thread_name_prefix="starts-others")
    _as_before.submit(os.getpid).result()  # the thread is there before this one is lowered
    # Whoever gives way more already goes on to: to come before them again is for root alone.
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), max(niceness, os.nice(0)))
    _let_interrupt()
    if os.getsid(0) == os.getpid():  # else it is the session of a terminal, and of all begun there
        with suppress(OSError):
            AUTOGROUP.write_text(f"{niceness}", encoding="ascii")


def _let_interrupt() -> None:
    """Ask for the longest slice for this thread; an older kernel goes on as before."""
    number = SCHED_SETATTR.get(os.uname().machine)
    if number is None or os.sched_getscheduler(0) != os.SCHED_OTHER:
        return  # whoever chose another policy has chosen
    import ctypes  # as above

    asked = SCHED_ATTR.pack(SCHED_ATTR.size, os.SCHED_OTHER, 0, os.nice(0), 0, SLICE_NS, 0, 0)
    ctypes.CDLL(None).syscall(number, 0, asked, 0)  # refused, it is as if it had not been asked


def start(command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
    """Start a program as `subprocess.Popen` does, as important as this process was at first."""
    if _as_before is None:
        return _started(command, options)
    return _as_before.submit(_started, command, options).result()


def _started(command: Sequence[str], options: Mapping[str, Any]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, **options)
