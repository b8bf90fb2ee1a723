"""The contents of backed-up files: `objects/ab/<sha256>.zst`, each once. The home of the codec.

An object appears under its name when it is whole, so what a kill leaves behind is a `.partial`.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from pipelines.errors import BackupError

LEVEL = 1
"""Half the work of zstd's own 3, which beside a server counts, for as much room (benchmarks)."""
PIECE = 4 * 2**20
"""Bytes at a time. A file of fewer is hashed first: many files of a home are copies of others."""
PARTIAL = ".partial"


@dataclass(frozen=True)
class Stored:
    """What was stored: its sha256 and bytes; `new`: it was not there before."""

    sha256: str
    size: int
    new: bool


@dataclass(frozen=True)
class Objects:
    """The folder of all contents."""

    root: Path

    def path(self, sha256: str) -> Path:
        """Return where the contents of this sha256 lie."""
        return self.root / sha256[:2] / f"{sha256}.zst"

    def put(self, source: Path) -> Stored:
        """Store the contents of a file as they are now. Raises OSError."""
        with source.open("rb") as stream:
            head = stream.read(PIECE)
            if len(head) < PIECE:
                return self._put_whole(head)
            return self._put_stream(head, stream)

    def _put_whole(self, data: bytes) -> Stored:
        sha256 = hashlib.sha256(data).hexdigest()
        new = not self.path(sha256).exists()
        if new:
            with self._unfinished() as partial:
                partial.write_bytes(_codec().compress(data, asbytes=True))
                self._named(partial, sha256)
        return Stored(sha256, len(data), new)

    def _put_stream(self, head: bytes, stream: IO[bytes]) -> Stored:
        digest, size = hashlib.sha256(), 0
        with self._unfinished() as partial:
            codec = _codec()
            with partial.open("wb") as out:
                for piece in _pieces(head, stream):
                    digest.update(piece)
                    size += len(piece)
                    # A frame for each piece: `zstd -d` and Arrow read one after the other.
                    out.write(codec.compress(piece, asbytes=True))
            new = not self.path(digest.hexdigest()).exists()
            self._named(partial, digest.hexdigest())
        return Stored(digest.hexdigest(), size, new)

    @contextmanager
    def _unfinished(self) -> Iterator[Path]:
        partial = self.root / f"{secrets.token_hex(8)}{PARTIAL}"
        try:
            yield partial
        finally:
            partial.unlink(missing_ok=True)

    def _named(self, partial: Path, sha256: str) -> None:
        _persist(partial)
        path = self.path(sha256)
        path.parent.mkdir(exist_ok=True)
        partial.replace(path)

    def copy(self, sha256: str, target: Path | None) -> int:
        """Write the contents to a file (None: only read them) and return their bytes.

        Raises BackupError where they are missing or are not what was stored.
        """
        digest, size = hashlib.sha256(), 0
        path = self.path(sha256)
        try:
            with path.open("rb") as packed, _unpacked(packed) as stream, _sink(target) as out:
                while piece := stream.read(PIECE):
                    digest.update(piece)
                    size += len(piece)
                    out.write(piece)
        except FileNotFoundError as error:
            if path.exists():
                raise
            raise BackupError(f"{path} is missing") from error
        except OSError as error:
            if error.errno is not None:
                raise
            raise BackupError(f"{path} is damaged ({error})") from error
        if digest.hexdigest() != sha256:
            raise BackupError(f"{path} is damaged (its sha256 is not the one in its name)")
        return size

    def names(self) -> set[str]:
        """Return the sha256 of everything that lies here."""
        return {path.name.removesuffix(".zst") for path in self.root.glob("??/*.zst")}

    def sweep(self) -> None:
        """Remove what killed backups have left."""
        for left in self.root.glob(f"*{PARTIAL}"):
            shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)


def _persist(path: Path) -> None:
    """Wait until a file is on the disk; `sync` would wait for everybody's."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _codec() -> Any:
    import pyarrow as pa

    return pa.Codec("zstd", compression_level=LEVEL)


def _unpacked(packed: IO[bytes]) -> Any:
    import pyarrow as pa

    return pa.CompressedInputStream(pa.PythonFile(packed, mode="r"), "zstd")


def _sink(target: Path | None) -> IO[bytes]:
    return Path(os.devnull).open("wb") if target is None else target.open("wb")


def _pieces(head: bytes, stream: IO[bytes]) -> Iterator[bytes]:
    yield head
    while piece := stream.read(PIECE):
        yield piece
