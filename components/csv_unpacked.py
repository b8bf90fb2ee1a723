"""The text of a file that may be packed (gzip, zstd), while every byte of the file is heard of."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from components.csv_bytes import CHUNK
from components.errors import UnreadableError

Hear = Callable[[memoryview], None]
_PACKED = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}


def packing(path: Path) -> str | None:
    """Return gzip or zstd by the file's first bytes, whatever its name says; None for others."""
    with path.open("rb") as file:
        head = file.read(4)
    return next((name for magic, name in _PACKED.items() if head.startswith(magic)), None)


@contextmanager
def opened(path: Path, hear: Hear = lambda _: None) -> Iterator[BinaryIO]:
    """Yield the text of a file; `hear` gets the bytes of the file itself, all where it is read on.

    Reading raises UnreadableError where a packed file is damaged or was cut off.
    """
    with path.open("rb", buffering=0) as file:
        heard = io.BufferedReader(cast(Any, _Heard(file, hear)), CHUNK)
        packed = packing(path)
        with _translated(packed):
            yield _unpacked(heard, packed)
        while heard.read(CHUNK):
            pass


def head(path: Path, most: int) -> bytes:
    """Return the first bytes of a file's text, `most` at most; no more than them is unpacked.

    Raises UnreadableError where a packed file is damaged or was cut off.
    """
    packed = packing(path)
    with path.open("rb") as file, _translated(packed):
        return _unpacked(file, packed).read(most)


@contextmanager
def _translated(packed: str | None) -> Iterator[None]:
    try:
        yield
    except (EOFError, zlib.error, OSError) as error:
        if packed is None or getattr(error, "errno", None):
            raise
        raise UnreadableError(
            f"its {packed} data is damaged or was cut off ({error}): fetch it or pack it again."
        ) from error


def _unpacked(heard: io.BufferedReader, packed: str | None) -> BinaryIO:
    if packed == "gzip":
        return io.BufferedReader(cast(Any, gzip.GzipFile(fileobj=heard)), CHUNK)
    if packed == "zstd":
        import pyarrow as pa

        unpacked = pa.CompressedInputStream(pa.PythonFile(heard, mode="r"), "zstd")
        return io.BufferedReader(unpacked, CHUNK)
    return heard


class _Heard(io.RawIOBase):
    """A file that tells of every byte that is read of it."""

    def __init__(self, file: io.FileIO, hear: Hear) -> None:
        self._file, self._hear = file, hear

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self._file.readinto(buffer)
        self._hear(memoryview(buffer)[:count])
        return count
