"""Ending with the parent: a predictor must not outlive the platform that started it."""

from __future__ import annotations

import os
import select
import signal
import threading
import time

POLL_S = 0.5
GRACE_S = 5.0


def exit_with(parent: int) -> None:
    """Send this process SIGTERM when the process `parent` is gone, and end it 5 s later.

    Not prctl(PR_SET_PDEATHSIG): that one fires when the *thread* that started us ends.
    """
    threading.Thread(target=_watch, args=(parent,), daemon=True, name="exit-with-parent").start()


def _watch(parent: int) -> None:
    _wait_for_end(parent)
    while os.getppid() == parent:
        time.sleep(POLL_S)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_S)
    os._exit(1)


def _wait_for_end(parent: int) -> None:
    """Return when `parent` has ended, or at once where the system cannot tell (then we poll)."""
    try:
        handle = os.pidfd_open(parent)
    except (AttributeError, OSError):
        return
    if os.getppid() == parent:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        poll.poll()
    os.close(handle)
