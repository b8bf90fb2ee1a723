"""Files that are created once: all of their bytes are on the disk before their name is there."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


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
    _synced(path.parent)
    return True


def _synced(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
