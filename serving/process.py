"""A process that can be told from a later one with the same number, whoever sets the clock."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_BEGAN = 19  # the place of `starttime` in /proc/<pid>/stat behind the name (proc(5), field 22)


@dataclass(frozen=True)
class Process:
    """A process of this machine: its number, and when it began.

    `create_time`: seconds after the start of the machine that `boot` names; where it names none,
    as on macOS, seconds since the epoch. That start is not told by the epoch on Linux: there it
    moves whenever the clock is set, and everything that runs would count as ended.
    """

    pid: int
    create_time: float
    boot: str = ""

    def lives(self) -> bool:
        """Say whether this very process is still there."""
        import psutil

        try:
            found = psutil.Process(self.pid)
            began = _ticks(self.pid) if self.boot else found.create_time()
            same = self.boot in ("", _boot()) and abs(began - self.create_time) < 0.01
            return same and found.status() != psutil.STATUS_ZOMBIE
        except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
            return False


def this() -> Process:
    """Return the process that asks."""
    return _numbered(os.getpid())


@lru_cache(maxsize=1)
def _numbered(pid: int) -> Process:
    if boot := _boot():
        return Process(pid, _ticks(pid), boot)
    import psutil

    return Process(pid, psutil.Process(pid).create_time())


@lru_cache(maxsize=1)
def _boot() -> str:
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _ticks(pid: int) -> float:
    text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    return int(text.rpartition(")")[2].split()[_BEGAN]) / os.sysconf("SC_CLK_TCK")
