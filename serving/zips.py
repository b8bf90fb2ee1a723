"""Zip archives that were made up: how much they unpack to is known before anything is unpacked."""

from __future__ import annotations

import zipfile


def refuse_bomb(archive: zipfile.ZipFile, limit: int) -> None:
    """Raise `ValueError` where the members together unpack to more than `limit` bytes.

    zipfile unpacks no more of a member than the directory says, so that its sum can be trusted.
    """
    size = sum(member.file_size for member in archive.infolist())
    if size > limit:
        raise ValueError(f"unpacked it has {size:,} bytes, allowed are {limit:,}")
