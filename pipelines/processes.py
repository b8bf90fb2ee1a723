"""The processes of runs: who they are (`serving.process`), and ending what a dead one left."""

from __future__ import annotations

import os

from serving.process import Process, this

__all__ = ["Process", "end_group", "this"]


def end_group(leader: Process, variable: str, value: str) -> None:
    """Kill what a dead leader left in its group: of those, who have `variable` = `value` set.

    Its number may be another's by now, so the environment must say that it is ours.
    """
    import psutil

    for each in psutil.process_iter():
        try:
            ours = os.getpgid(each.pid) == leader.pid and each.pid != os.getpid()
            if ours and each.environ().get(variable) == value:
                each.kill()
        except (psutil.Error, ProcessLookupError, PermissionError):
            continue
