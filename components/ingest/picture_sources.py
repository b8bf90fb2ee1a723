"""The files of a zip, a tar or a folder, read one by one: nothing is ever unpacked to the disk."""

from __future__ import annotations

import hashlib
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from components.errors import PicturesError, UnreadableError
from components.ingest import cifar, image_rules

CHUNK = 2**20
FILE_LIMIT = 64 * 2**20
"""Bytes that one file may have when it is unpacked."""
RATIO = 50
"""A zip that unpacks to more than this many times its size, and to more than `SMALL`, is a bomb:
pictures are compressed already."""
SMALL = 256 * 2**20
MOST_FILES = 5_000_000
_ENCRYPTED, _UTF8 = 0x1, 0x800
_ZIP_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


class Files(Protocol):
    """Files by their names, with `/` between folders."""

    @property
    def names(self) -> tuple[str, ...]:
        """All files."""

    @property
    def sha256(self) -> str:
        """The hash of everything that is there."""

    def read(self, name: str) -> bytes:
        """Return the bytes of a file; raise `UnreadableError` where they are damaged."""


@contextmanager
def opened(path: Path) -> Iterator[Files]:
    """Lend the files of a folder, a zip or a tar; raise `UnreadableError` for anything else."""
    refuse_missing(path)
    if path.is_dir():
        yield _Folder.at(path)
    elif zipfile.is_zipfile(path):
        with _zip(path) as archive:
            yield _Zip.of(archive, path)
    elif tarfile.is_tarfile(path):
        yield _Batches.of(path)
    else:
        raise UnreadableError(
            "it is neither a folder nor a zip of pictures, nor CIFAR-10's tar.gz: pack the "
            "folders of the classes as a zip."
        )


def refuse_missing(path: Path) -> None:
    """Raise UnreadableError where there is neither a file nor a folder."""
    if not path.exists():
        raise UnreadableError(f"there is no such file or folder{_instead(path)}.")
    if not path.is_file() and not path.is_dir():
        raise UnreadableError("it is neither a file nor a folder: give a zip, a tar or a folder.")


def _instead(path: Path) -> str:
    if not path.parent.is_dir():
        return f": the folder {path.parent} does not exist either"
    near = sorted(each.name for each in path.parent.iterdir() if each.suffix == ".zip")[:3]
    return f": did you mean {' or '.join(near)}" if near else ""


@dataclass(frozen=True)
class _Folder:
    root: Path
    names: tuple[str, ...]

    @classmethod
    def at(cls, root: Path) -> _Folder:
        found = [Path(at, name) for at, _, names in os.walk(root) for name in names]
        home = root.resolve()
        for path in found:
            if path.is_symlink() and not path.resolve().is_relative_to(home):
                raise PicturesError(
                    f"{path.relative_to(root).as_posix()!r} is a link that leaves the folder: "
                    "copy the file itself."
                )
        return cls(root, tuple(sorted(path.relative_to(root).as_posix() for path in found)))

    @property
    def sha256(self) -> str:
        whole = hashlib.sha256()
        for name in self.names:
            whole.update(os.fsencode(name) + b"\0" + _hashed(self.root / name))
        return whole.hexdigest()

    def read(self, name: str) -> bytes:
        path = self.root / name
        try:
            if path.stat().st_size > FILE_LIMIT:
                raise UnreadableError(f"has more than {FILE_LIMIT:,} bytes")
            return path.read_bytes()
        except OSError as error:
            raise UnreadableError(f"cannot be read ({error.strerror})") from error


@dataclass(frozen=True)
class _Zip:
    archive: zipfile.ZipFile
    path: Path
    entries: Mapping[str, zipfile.ZipInfo]

    @classmethod
    def of(cls, archive: zipfile.ZipFile, path: Path) -> _Zip:
        entries = [each for each in archive.infolist() if not each.is_dir()]
        _refuse_bomb(entries, path.stat().st_size)
        named = {_name(entry): entry for entry in entries}
        for name, entry in named.items():
            image_rules.refuse_outside(name)
            if stat.S_ISLNK(entry.external_attr >> 16):
                raise PicturesError(f"{name!r} is a link: pack the file itself.")
        return cls(archive, path, named)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.entries)

    @property
    def sha256(self) -> str:
        return _hashed(self.path).hex()

    def read(self, name: str) -> bytes:
        entry = self.entries[name]
        if entry.flag_bits & _ENCRYPTED:
            raise UnreadableError("is encrypted")
        try:
            with self.archive.open(entry) as stream:
                # What the directory says of the size need not be true.
                data = stream.read(FILE_LIMIT + 1)
        except _ZIP_DAMAGE as error:
            raise UnreadableError(f"is damaged in the zip ({error})") from error
        if len(data) > FILE_LIMIT:
            raise UnreadableError(f"has more than {FILE_LIMIT:,} bytes")
        return data


@contextmanager
def _zip(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        archive = zipfile.ZipFile(path)
    except (*_ZIP_DAMAGE, OSError, ValueError) as error:
        raise UnreadableError(f"the zip is damaged ({error}): pack it anew.") from error
    with archive:
        yield archive


def _refuse_bomb(entries: list[zipfile.ZipInfo], packed: int) -> None:
    unpacked = sum(entry.file_size for entry in entries)
    if len(entries) > MOST_FILES:
        raise PicturesError(f"it has {len(entries):,} files, at most {MOST_FILES:,} are read.")
    if unpacked > max(SMALL, RATIO * packed):
        raise PicturesError(
            f"its {packed:,} bytes unpack to {unpacked:,}, as no pictures do: it is not read."
        )


def _name(entry: zipfile.ZipInfo) -> str:
    """Return the name; zips that do not say so are UTF-8 more often than the old code page."""
    name = entry.filename
    if not entry.flag_bits & _UTF8:
        with suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return name.replace("\\", "/")


@dataclass(frozen=True)
class _Batches:
    """The batches in CIFAR-10's tar.gz, which must be read from front to back."""

    path: Path
    contents: Mapping[str, bytes]

    @classmethod
    def of(cls, path: Path) -> _Batches:
        contents: dict[str, bytes] = {}
        try:
            with tarfile.open(path, "r|*") as archive:
                for member in archive:
                    image_rules.refuse_outside(member.name)
                    if member.isfile() and cifar.is_batch(Path(member.name).name):
                        contents[member.name] = _member(archive, member)
        except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
            raise UnreadableError(f"the tar is damaged ({error}): fetch it again.") from error
        if not contents:
            raise PicturesError(
                "it is a tar without CIFAR-10's batches: pack the folders of the classes as a zip."
            )
        return cls(path, contents)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.contents)

    @property
    def sha256(self) -> str:
        return _hashed(self.path).hex()

    def read(self, name: str) -> bytes:
        return self.contents[name]


def _member(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = archive.extractfile(member)
    if stream is None or member.size > cifar.LIMIT:
        raise PicturesError(f"{member.name!r} has {member.size:,} bytes, too many for a batch.")
    return stream.read()


def _hashed(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        raise UnreadableError(f"{path.name!r} cannot be read ({error.strerror}).") from error
