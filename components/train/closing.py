"""A training that fails leaves no open run behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Closing(Protocol):
    """What it needs of `components.tracking`."""

    def fail_run(self, run_id: str, reason: str) -> None:
        """Close the run as failed."""


@contextmanager
def closing(tracker: Closing, run_id: str) -> Iterator[None]:
    """Close the run as failed whatever fails, a full disk too; of a kill the exit handler hears."""
    try:
        yield
    except Exception as error:
        tracker.fail_run(run_id, str(error))
        raise
