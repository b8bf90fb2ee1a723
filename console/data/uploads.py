"""Files that people sent: each lies below a name made from its bytes, and only when it is whole."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from components import telling
from console.settings import ConsoleSettings
from serving.errors import NotFound, UsageError

ENDINGS = (".csv", ".tsv", ".txt", ".gz", ".zst", ".zip", ".tar", ".tgz")
LONGEST_NAME = 100
ID = re.compile(r"[0-9a-f]{16}")
INCOMING = ".incoming-"
ABANDONED_S = 86_400.0
"""So old a part of a file is nobody's: the console ended while it came."""
_UNSAFE = re.compile(r"[^\w.\-]+")


@dataclass(frozen=True)
class Upload:
    """A file that lies there; `id`: the first 16 digits of its sha256, `at`: since the epoch."""

    id: str
    name: str
    path: Path
    size: int
    at: float


@dataclass(frozen=True)
class Uploads:
    """The folder of all files that were sent.

    `limit`: bytes that one may have; `quota`: bytes that all may have together.
    """

    folder: Path
    limit: int
    quota: int

    @classmethod
    def of(cls, settings: ConsoleSettings) -> Uploads:
        """Return the uploads of an installation."""
        return cls(settings.uploads, settings.upload_limit, settings.uploads_quota)

    def newest(self, most: int = 100) -> tuple[Upload, ...]:
        """Return what was sent, the newest first."""
        found = sorted(self._all(), key=lambda upload: upload.at, reverse=True)
        return tuple(found[:most])

    def get(self, id_: str, name: str) -> Upload:
        """Return one file. Raises NotFound."""
        found = self._of(self.folder / id_ / name) if ID.fullmatch(id_) else None
        if found is None or found.name != safe_name(name):
            raise NotFound(f"there is no upload {id_}/{name}; /api/uploads lists those there are")
        return found

    @contextmanager
    def receiving(self, name: str, size: int | None) -> Iterator[Incoming]:
        """Yield where the bytes of a file go; without `finish` nothing is left of it.

        `size`: the bytes that were announced. Raises UsageError for a file of another kind and
        one that is too large, PlatformError where the disk is full.
        """
        kept = safe_name(name)
        refuse_kind(kept)
        self._refuse_size(size or 0)
        room = self.room()
        self._refuse_full(size or 0, room)
        part = self.folder / f"{INCOMING}{secrets.token_hex(8)}"
        try:
            with telling.room(self.folder):
                self._prepare(size or 0)
                with part.open("xb") as file:
                    yield Incoming(self, file, part, kept, room)
        finally:
            part.unlink(missing_ok=True)

    def room(self) -> int:
        """Return how many bytes more may lie there, with those that are coming."""
        found = [*self.folder.glob("*/*"), *self.folder.glob(f"{INCOMING}*")]
        return self.quota - sum(_size(path) for path in found)

    def remove(self, upload: Upload) -> None:
        """Remove a file."""
        upload.path.unlink(missing_ok=True)
        with suppress(OSError):  # another name of the same bytes lies there
            upload.path.parent.rmdir()

    def _refuse_full(self, size: int, room: int) -> None:
        if size > room:
            raise UsageError(
                f"all uploads together may have {self.quota >> 20:,} MB, and {max(0, room) >> 20:,}"
                " MB are left: remove earlier ones that no run needs, or raise KANARYA_UPLOADS_MB"
            )

    def _prepare(self, size: int) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for old in self.folder.glob(f"{INCOMING}*"):
            with suppress(OSError):
                if time.time() - old.stat().st_mtime > ABANDONED_S:
                    old.unlink()
        if size > shutil.disk_usage(self.folder).free:
            raise UsageError(
                f"the file has {size:,} bytes and the disk of {self.folder} has fewer left: make "
                "room, or name a path or a URI instead"
            )

    def _refuse_size(self, size: int) -> None:
        if size > self.limit:
            raise UsageError(
                f"the file is larger than {self.limit >> 20:,} MB, the limit of an upload: name a "
                "path or a URI instead, or raise KANARYA_UPLOAD_LIMIT_MB"
            )

    def _all(self) -> Iterator[Upload]:
        for path in self.folder.glob("*/*") if self.folder.is_dir() else ():
            if ID.fullmatch(path.parent.name) and (found := self._of(path)):
                yield found

    def _of(self, path: Path) -> Upload | None:
        try:
            known = path.stat(follow_symlinks=False)
        except (OSError, ValueError):
            return None
        if not path.is_file() or path.is_symlink() or path.parent.parent != self.folder:
            return None
        return Upload(path.parent.name, path.name, path, known.st_size, known.st_mtime)


@dataclass
class Incoming:
    """A file that is coming."""

    uploads: Uploads
    file: BinaryIO
    part: Path
    name: str
    room: int

    def __post_init__(self) -> None:
        self._digest, self._size = hashlib.sha256(), 0

    def write(self, content: bytes) -> None:
        """Add bytes. Raises UsageError where they are more than an upload may have."""
        self._size += len(content)
        self.uploads._refuse_size(self._size)
        self.uploads._refuse_full(self._size, self.room)
        self._digest.update(content)
        self.file.write(content)

    def finish(self, announced: int | None = None) -> Upload:
        """Give the file its name.

        Raises UsageError where it is empty or was cut off, or where all have too much by now.
        """
        if announced is not None and announced != self._size:
            raise UsageError(f"only {self._size:,} of {announced:,} bytes arrived: send it again")
        if not self._size:
            raise UsageError("the file is empty: give a CSV file with a header and rows")
        self.file.flush()
        self.uploads._refuse_full(0, self.uploads.room())  # others may have come meanwhile
        os.fsync(self.file.fileno())
        final = self.uploads.folder / self._digest.hexdigest()[:16] / self.name
        final.parent.mkdir(mode=0o700, exist_ok=True)
        self.part.replace(final)
        return Upload(final.parent.name, final.name, final, self._size, final.stat().st_mtime)


def _size(path: Path) -> int:
    try:
        return path.stat(follow_symlinks=False).st_size
    except OSError:  # it has gone meanwhile
        return 0


def safe_name(given: str) -> str:
    """Return a file's name without folders, and without signs that mean something to a shell."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", given))[-1]
    plain = _UNSAFE.sub("_", last).lstrip(".-_ ") or "data"
    stem, dot, ending = plain.partition(".")
    room = LONGEST_NAME - len((dot + ending).encode())
    if room < 1:
        return plain.encode()[:LONGEST_NAME].decode(errors="ignore")
    return stem.encode()[:room].decode(errors="ignore") + dot + ending


def refuse_kind(name: str) -> None:
    """Raise UsageError for a file whose name says that it is neither a table nor pictures."""
    if not name.lower().endswith(ENDINGS):
        raise UsageError(
            f"{name} is neither a CSV file (.csv, also .gz and .zst) nor pictures (.zip, .tar.gz): "
            "export the table as CSV"
        )
