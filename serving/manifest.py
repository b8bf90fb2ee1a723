"""The manifest: every file of a model directory with its size and sha256 (`MANIFEST.json`)."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from serving.errors import ModelError

MANIFEST = "MANIFEST.json"
FORMAT = 1
LIMIT = 16 * 2**20
"""Bytes that a manifest may have: more is no manifest of ours."""


@dataclass(frozen=True)
class Entry:
    """One file of a model directory."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """The files of a model directory, sorted by path."""

    files: tuple[Entry, ...]

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object (a dict), as `MANIFEST.json` holds it."""
        files = {entry.path: {"size": entry.size, "sha256": entry.sha256} for entry in self.files}
        return {"format": FORMAT, "files": files}


def seal(directory: Path) -> Manifest:
    """Write `MANIFEST.json` over all that is in `directory`, atomically, and return it.

    Raises `ModelError` for a link or anything else that is not a plain file.
    """
    manifest = Manifest(tuple(_entry(directory, path) for path in sorted(_paths(directory))))
    partial = directory / f".{MANIFEST}.partial"
    with partial.open("w", encoding="utf-8") as stream:
        json.dump(manifest.to_json(), stream, indent=1, ensure_ascii=False)
        stream.write("\n")
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(directory / MANIFEST)
    return manifest


def verify(directory: Path) -> Manifest:
    """Return the manifest of a directory that agrees with it, byte for byte.

    Raises `ModelError` naming the first file that was changed, is missing, is not listed, is a
    link, or is listed under a path that leaves the directory. Nothing else is opened before.
    """
    manifest = _read(directory)
    check(directory, manifest)
    return manifest


def check(directory: Path, manifest: Manifest) -> None:
    """Raise `ModelError` unless `directory` holds exactly the files of `manifest`."""
    listed = {entry.path for entry in manifest.files}
    present = set(_paths(directory))
    for path in sorted(present - listed):
        raise ModelError(
            f"{directory / path} is not listed in {MANIFEST}; publish the model again."
        )
    for path in sorted(listed - present):
        raise ModelError(f"{directory / path} is missing; publish the model again.")
    for entry in manifest.files:
        _compare(directory, entry)


def _compare(directory: Path, entry: Entry) -> None:
    found = _entry(directory, entry.path)
    if found.size != entry.size:
        change = f"has {found.size} bytes, {MANIFEST} says {entry.size}"
    elif found.sha256 != entry.sha256:
        change = f"has sha256 {found.sha256[:12]}…, {MANIFEST} says {entry.sha256[:12]}…"
    else:
        return
    raise ModelError(f"{directory / entry.path} {change}: it was changed; publish the model again.")


def _entry(directory: Path, path: str) -> Entry:
    try:
        # O_NOFOLLOW: the file may have become a link since the directory was listed.
        handle = os.open(directory / path, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(handle, "rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            return Entry(path=path, size=os.fstat(handle).st_size, sha256=digest)
    except OSError as error:
        raise ModelError(f"{directory / path} cannot be read ({error.strerror}).") from error


def _paths(directory: Path, below: str = "") -> Iterator[str]:
    """Yield the relative paths of all plain files but the manifest; refuse all else."""
    try:
        found = sorted(os.scandir(directory / below), key=lambda item: item.name)
    except OSError as error:
        raise ModelError(f"{directory / below} cannot be read ({error.strerror}).") from error
    for item in found:
        path = below + item.name
        if item.is_dir(follow_symlinks=False):
            yield from _paths(directory, path + "/")
        elif not item.is_file(follow_symlinks=False):
            what = "a symbolic link" if item.is_symlink() else "not a plain file"
            raise ModelError(f"{item.path} is {what}; a model directory holds plain files only.")
        elif path not in {MANIFEST, f".{MANIFEST}.partial"}:
            yield path


def _read(directory: Path) -> Manifest:
    path = directory / MANIFEST
    if not directory.is_dir():
        raise ModelError(f"{directory} is not a directory; name a published model directory.")
    if path.is_symlink() or not path.is_file():
        raise ModelError(f"{path} is missing or not a plain file; publish the model again.")
    if path.stat().st_size > LIMIT:
        raise ModelError(f"{path} has more than {LIMIT} bytes: it is no manifest.")
    try:
        return _parsed(json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelError(f"{path} is damaged ({error}); publish the model again.") from error


def _parsed(value: Any) -> Manifest:
    if value["format"] != FORMAT:
        raise ValueError(f"format {value['format']!r}, this program reads {FORMAT}")
    items = sorted(value["files"].items())
    return Manifest(tuple(_listed(path, **details) for path, details in items))


def _listed(path: str, *, size: int, sha256: str) -> Entry:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\\" in path or "\0" in path:
        raise ValueError(f"the path {path!r} leaves the directory")
    if not isinstance(size, int) or not re.fullmatch("[0-9a-f]{64}", sha256):
        raise ValueError(f"the entry of {path!r} has no size or no sha256")
    return Entry(path=path, size=size, sha256=sha256)
