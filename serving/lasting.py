"""What lasts: files that are created once, all of their bytes on the disk before their name.

And whose an unfinished folder is, so that nobody sweeps away what somebody still fills.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


def create(path: Path, data: bytes) -> bool:
    """Write a file that is not there yet; False where one is. Of many writers one gets True.

    It is written beside and linked, since a name that is made first (O_EXCL) stands for nothing
    when its writer is killed. Raises OSError where it cannot be written or linked.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        with unfinished.open("xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.link(unfinished, path)
    except (FileExistsError, FileNotFoundError):
        # Whoever came first swept ours away with what killed writers of this name had left.
        if not path.exists():
            raise
        return False
    finally:
        unfinished.unlink(missing_ok=True)
    for left in path.parent.glob(f".{path.name}.*.partial"):
        left.unlink(missing_ok=True)
    synced(path.parent)
    return True


def synced(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk. Raises OSError."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a folder that is being filled; the system lets go of it with the process.

    Raises OSError where somebody holds it, who lives.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


def after_torn(lines: BinaryIO) -> bytes:
    """Return what must stand before the next line of a file: an end to one that a kill has torn."""
    if not lines.seek(0, os.SEEK_END):
        return b""
    lines.seek(-1, os.SEEK_END)
    return b"" if lines.read(1) == b"\n" else b"\n"
