"""One at a time: of backups to one folder, of what copies a home and what lets go of its parts."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.errors import BackupError


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold a lock that ends with this process at the latest. Raises BackupError if it is held."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BackupError(
                f"{path.parent} is being backed up or cleaned already; try again when that is done"
            ) from error
        yield


def home_lock(home: Path) -> Path:
    """Return the lock of a home, of `kanarya backup` and `kanarya gc`."""
    return home / "keeping.lock"
