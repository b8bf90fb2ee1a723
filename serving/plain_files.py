"""Plain files of a model directory, read whole and with a bound; all else is refused unread."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any

from serving.errors import ModelError

JSON_LIMIT = 16 * 2**20
"""Bytes that a card, a baseline or a manifest may have: more is none of ours."""


@contextmanager
def opened(path: Path) -> Iterator[BufferedReader]:
    """Lend a plain file; raise `ModelError` where it is missing, a link or anything else."""
    try:
        # The file may have become a link since the directory was listed, or a pipe: opening one
        # that nobody writes to would wait for ever.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as stream:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise ModelError(f"{path} is not a plain file; publish the model again.")
            yield stream
    except OSError as error:
        raise ModelError(
            f"{path} cannot be read ({error.strerror}); package the model again."
        ) from error


def read(path: Path, limit: int) -> bytes:
    """Return the bytes of a plain file of at most `limit` bytes; raise `ModelError` otherwise."""
    with opened(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        if size > limit:
            raise ModelError(f"{path} has more than the {limit:,} bytes that it may have.")
        data = stream.read(size + 1)
    if len(data) != size:
        raise ModelError(f"{path} changed while it was read; publish the model again.")
    return data


def json_object(data: bytes, path: Path) -> dict[str, Any]:
    """Return the JSON object that `data`, read from `path`, holds; raise `ModelError` otherwise."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path} cannot be read ({error}); package the model again.") from error
    if not isinstance(value, dict):
        raise ModelError(f"{path} holds no JSON object; package the model again.")
    return value
