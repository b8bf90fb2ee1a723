"""A process that can be told from a later one with the same number."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True)
class Process:
    """A process of this machine: its number, and when it began in seconds since the epoch."""

    pid: int
    create_time: float

    def lives(self) -> bool:
        """Say whether this very process is still there."""
        import psutil

        try:
            found = psutil.Process(self.pid)
            same = abs(found.create_time() - self.create_time) < 0.01
            return same and found.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


def this() -> Process:
    """Return the process that asks."""
    return _numbered(os.getpid())


@lru_cache(maxsize=1)
def _numbered(pid: int) -> Process:
    import psutil

    return Process(pid, psutil.Process(pid).create_time())


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
