"""Give way to others, and do not hand that on: what this process starts is as important as before.

On Linux a niceness is a thread's own, a child has that of the thread that starts it, and only root
can take it back (setpriority(2)). So one thread stays as it was and starts the others. Where the
kernel schedules sessions as groups, the niceness of the group counts between them (sched(7),
"The autogroup feature"); a program in a session of its own begins a group of its own.
"""

from __future__ import annotations

import os
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
    if os.getsid(0) == os.getpid():  # else it is the session of a terminal, and of all begun there
        with suppress(OSError):
            AUTOGROUP.write_text(f"{niceness}", encoding="ascii")


def start(command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
    """Start a program as `subprocess.Popen` does, as important as this process was at first."""
    if _as_before is None:
        return _started(command, options)
    return _as_before.submit(_started, command, options).result()


def _started(command: Sequence[str], options: Mapping[str, Any]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, **options)
