"""The sha256 that ingest would record of what a URI names, without making a table of it."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from components.errors import DataError
from components.ingest import keras_datasets, picture_sources, remote, sources
from serving import storage

CHUNK = 1 << 20
Mark = tuple[tuple[str, int, int], ...]
"""Path, bytes and time of the last change (ns since 1970) of every file."""


def of_table(uri: str, scratch: Path) -> str:
    """Return the sha256 of the CSV files at `uri`; what lies elsewhere is fetched to `scratch`.

    Raises DataError where there is nothing to read, PlatformError for what may pass.
    """
    whole = sha256()
    try:
        for source in sources.found(uri, scratch):
            with source.path.open("rb") as file:
                while content := file.read(CHUNK):
                    whole.update(content)
    except DataError as error:
        raise type(error)(f"{uri}: {error}") from error
    return whole.hexdigest()


def of_pictures(uri: str, scratch: Path) -> str:
    """Return the sha256 of the pictures at `uri`; "" of a data set of Keras, which never changes.

    Raises DataError where there are none, PlatformError for what may pass.
    """
    if keras_datasets.is_named(uri):
        return ""
    try:
        path = storage.local_path(uri) or remote.copied(uri, scratch / "source")
        with picture_sources.opened(path) as files:
            return files.sha256
    except DataError as error:
        raise type(error)(f"{uri}: {error}") from error


def mark(uri: str) -> Mark | None:
    """Return what differs once a local file at `uri` was written; None for what lies elsewhere."""
    if keras_datasets.is_named(uri):
        return None
    path = storage.local_path(uri)
    if path is None:
        return None
    found = path.rglob("*") if path.is_dir() else sources.matching(path) or [path]
    return tuple(sorted(_stamped(each) for each in found if each.is_file()))


def _stamped(path: Path) -> tuple[str, int, int]:
    found = path.stat()
    return str(path), found.st_size, found.st_mtime_ns
