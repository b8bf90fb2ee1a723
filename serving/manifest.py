"""The manifest: every file of a model directory with its size and sha256 (`MANIFEST.json`)."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from serving import plain_files
from serving.errors import ModelError

MANIFEST = "MANIFEST.json"
SIGNATURE = "model.sig"
"""The signature of all other files (`serving.signing`): it cannot list itself."""
FORMAT = 1
MAX_FILES = 10_000
MAX_DEPTH = 32
"""Folders within folders: a model of ours has three."""


@dataclass(frozen=True)
class Entry:
    """One file of a model directory."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """The files of a model directory, sorted by path; `own` is the manifest's own entry."""

    files: tuple[Entry, ...]
    own: Entry | None = field(default=None, compare=False)

    def entry(self, path: str) -> Entry | None:
        """Return what is listed under `path`, if anything is."""
        return next((entry for entry in self.files if entry.path == path), None)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object (a dict), as `MANIFEST.json` holds it."""
        files = {entry.path: {"size": entry.size, "sha256": entry.sha256} for entry in self.files}
        return {"format": FORMAT, "files": files}


def seal(directory: Path) -> Manifest:
    """Write `MANIFEST.json` over all that is in `directory`, atomically, and return it.

    Raises `ModelError` for a link or anything else that is not a plain file.
    """
    partial = directory / f".{MANIFEST}.partial"
    partial.unlink(missing_ok=True)
    manifest = Manifest(tuple(_entry(directory, path) for path in sorted(_paths(directory))))
    with partial.open("w", encoding="utf-8") as stream:
        json.dump(manifest.to_json(), stream, indent=1, ensure_ascii=False)
        stream.write("\n")
        stream.flush()
        os.fsync(stream.fileno())
    own = _entry(directory, partial.name)
    partial.replace(directory / MANIFEST)
    return replace(manifest, own=replace(own, path=MANIFEST))


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
        compare(directory, entry, _entry(directory, entry.path))


def compare(directory: Path, entry: Entry, found: Entry) -> None:
    """Raise `ModelError` unless what was found of a file is what is listed."""
    if found.size != entry.size:
        change = f"has {found.size} bytes, {MANIFEST} says {entry.size}"
    elif found.sha256 != entry.sha256:
        change = f"has sha256 {found.sha256[:12]}…, {MANIFEST} says {entry.sha256[:12]}…"
    else:
        return
    raise ModelError(f"{directory / entry.path} {change}: it was changed; publish the model again.")


def entry_of(path: str, data: bytes) -> Entry:
    """Return the entry of a file whose bytes were read."""
    return Entry(path, len(data), hashlib.sha256(data).hexdigest())


def _entry(directory: Path, path: str) -> Entry:
    with plain_files.opened(directory / path) as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return Entry(path=path, size=os.fstat(stream.fileno()).st_size, sha256=digest)


def _paths(directory: Path) -> list[str]:
    """Return the relative paths of all plain files but the manifest; refuse all else."""
    found: list[str] = []
    for path in _walk(directory, ""):
        found.append(path)
        if len(found) > MAX_FILES:
            raise ModelError(f"{directory} holds more than {MAX_FILES:,} files: it is no model.")
    return found


def _walk(directory: Path, below: str) -> Iterator[str]:
    if below.count("/") > MAX_DEPTH:
        raise ModelError(
            f"{directory} has more than {MAX_DEPTH} folders within one another: it is no model."
        )
    for item in _scanned(directory / below):
        path = below + item.name
        if item.is_dir(follow_symlinks=False):
            yield from _walk(directory, path + "/")
        elif not item.is_file(follow_symlinks=False):
            what = "a symbolic link" if item.is_symlink() else "not a plain file"
            raise ModelError(f"{item.path} is {what}; a model directory holds plain files only.")
        elif path not in {MANIFEST, SIGNATURE}:
            yield path


def _scanned(folder: Path) -> list[os.DirEntry[str]]:
    try:
        return sorted(os.scandir(folder), key=lambda item: item.name)
    except OSError as error:
        raise ModelError(f"{folder} cannot be read ({error.strerror}).") from error


def _read(directory: Path) -> Manifest:
    path = directory / MANIFEST
    if not directory.is_dir():
        raise ModelError(f"{directory} is not a directory; name a published model directory.")
    if path.is_symlink() or not path.is_file():
        raise ModelError(f"{path} is missing or not a plain file; publish the model again.")
    data = plain_files.read(path, plain_files.JSON_LIMIT)
    try:
        files = _parsed(plain_files.json_object(data, path))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelError(f"{path} is damaged ({error}); publish the model again.") from error
    return Manifest(files, own=entry_of(MANIFEST, data))


def _parsed(value: dict[str, Any]) -> tuple[Entry, ...]:
    if value["format"] != FORMAT:
        raise ValueError(f"format {value['format']!r}, this program reads {FORMAT}")
    items = sorted(value["files"].items())
    if len(items) > MAX_FILES:
        raise ValueError(f"it lists {len(items):,} files, more than {MAX_FILES:,}")
    return tuple(_listed(path, **details) for path, details in items)


def _listed(path: str, *, size: int, sha256: str) -> Entry:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\\" in path or "\0" in path:
        raise ValueError(f"the path {path!r} leaves the directory")
    if type(size) is not int or not re.fullmatch("[0-9a-f]{64}", sha256):
        raise ValueError(f"the entry of {path!r} has no size or no sha256")
    return Entry(path=path, size=size, sha256=sha256)
