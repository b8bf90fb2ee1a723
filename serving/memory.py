"""A bound on the memory that loading a model may take: what asks for more is refused."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_STATUS = Path("/proc/self/status")


@contextmanager
def at_most(more: int) -> Iterator[None]:
    """Let the process take `more` bytes beyond what it has; then memory cannot be had, at once.

    Linux counts what is asked for, before it is touched (RLIMIT_DATA), so that a bomb costs
    nothing. Elsewhere, and where the process has a tighter limit already, this adds none.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    bound = _taken() + more
    limits = [each for each in (soft, hard) if each != resource.RLIM_INFINITY]
    if not _STATUS.exists() or any(limit < bound for limit in limits):
        yield
        return
    resource.setrlimit(resource.RLIMIT_DATA, (bound, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _taken() -> int:
    """Return the bytes that RLIMIT_DATA counts of this process."""
    if not _STATUS.exists():
        return 0
    lines = _STATUS.read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmData:")) * 1024
