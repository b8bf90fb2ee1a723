"""Where bytes are: a path, `file://`, `gs://` or `s3://`.

Nothing appears half-written: what is fetched or written stands under `<name>.partial` until it is
whole, and a directory that is uploaded gets its MANIFEST.json last.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Protocol
from urllib.parse import unquote, urlsplit

from serving import gcs, lasting, s3
from serving.errors import PlatformError, UsageError

MANIFEST = "MANIFEST.json"
SUPPORTED = "a path, file://, gs:// or s3://"
SHARED = ("gs://", "s3://")
"""Beginnings of the places that other machines reach as well."""
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


class Bucket(Protocol):
    """A bucket of an object store; names are whole names of objects, `/` is an ordinary character.

    Raises UsageError for what is not there or not ours, PlatformError for what may pass.
    """

    def holds(self, name: str) -> bool:
        """Say whether there is an object of this name."""

    def below(self, prefix: str) -> Iterator[str]:
        """Yield the names that begin with `prefix`."""

    def beside(self, prefix: str) -> list[str]:
        """Return the names that begin with `prefix` and have no further slash."""

    def download(self, name: str, path: Path) -> None:
        """Write an object to a file."""

    def read(self, name: str) -> bytes | None:
        """Return the bytes of an object, None where there is none."""

    def upload(self, path: Path, name: str) -> None:
        """Make a file an object, in place of what has this name."""

    def create(self, name: str, data: bytes) -> bool:
        """Make an object unless one has this name; of many writers exactly one gets True."""

    def remove(self, name: str) -> None:
        """Take an object away; that there is none of this name is no error."""


_BUCKETS: dict[str, Callable[[str, str], Bucket]] = {"gs": gcs.bucket, "s3": s3.bucket}


def local_path(uri: str) -> Path | None:
    """Return the absolute path that a plain path or `file://` URI names; None for any other scheme.

    Raises UsageError for a `file://` URI of another machine, and as `absolute` does.
    """
    if not _SCHEME.match(uri):
        return absolute(uri)
    parts = urlsplit(uri)
    if parts.scheme.lower() != "file":
        return None
    if parts.netloc not in ("", "localhost"):
        raise UsageError(
            f"{uri} names the machine {parts.netloc!r}: a local file has three slashes, file:///."
        )
    # "#" and "?" are ordinary characters of a file name; urlsplit would cut there.
    return Path(unquote(uri[len("file://") + len(parts.netloc) :])).absolute()


def absolute(path: str) -> Path:
    """Return a path as it is named from everywhere; `~` is a user's home.

    Raises UsageError for the home of a user that this machine does not know.
    """
    try:
        return Path(path).expanduser().absolute()
    except RuntimeError as error:
        raise UsageError(
            f"{path} is to lie in the home of a user that this machine does not know: write the "
            "folder out."
        ) from error


def join(uri: str, *parts: str) -> str:
    """Return `uri` with the parts below it, joined by single slashes."""
    return "/".join([uri.rstrip("/"), *(part.strip("/") for part in parts)])


def exists(uri: str) -> bool:
    """Say whether there is a file or a directory (in a bucket: an object or a prefix) at `uri`."""
    path = local_path(uri)
    if path is not None:
        return path.exists()
    return next(_objects(uri, *_bucket(uri)), None) is not None


def fetch(uri: str, destination: Path) -> Path:
    """Return a local path with the file or directory that `uri` names.

    Local ones are returned as they are, without a copy; an object or a prefix of a bucket is copied
    to `destination`, which appears only when it is whole. Raises UsageError when nothing is there.
    """
    path = local_path(uri)
    if path is None:
        return _download(uri, destination)
    if not path.exists():
        raise UsageError(f"{path} does not exist: give the path of a file that does.")
    return path


def upload(directory: Path, uri: str) -> None:
    """Copy every file of `directory` below the gs:// or s3:// `uri`, its MANIFEST.json last.

    The last file is what makes a model directory valid, so an upload that was cut off shows none.
    """
    bucket, prefix = _bucket(uri)
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    for path in sorted(files, key=lambda path: path.name == MANIFEST):
        name = "/".join(filter(None, [prefix, path.relative_to(directory).as_posix()]))
        bucket.upload(path, name)


def create(uri: str, data: bytes) -> bool:
    """Write a file or object that is not there yet, whole and lasting; False where one is.

    Of many writers exactly one gets True. Raises PlatformError where it cannot be written.
    """
    path = local_path(uri)
    if path is None:
        bucket, name = _bucket(uri)
        return bucket.create(name, data)
    try:
        return lasting.create(path, data)
    except OSError as error:
        raise PlatformError(
            f"{path} could not be written ({error.strerror}): make room there, or give it to a "
            "user and a file system that can."
        ) from error


def read(uri: str) -> bytes | None:
    """Return the bytes of the file or object at `uri`, None where there is none."""
    path = local_path(uri)
    if path is None:
        bucket, name = _bucket(uri)
        return bucket.read(name)
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise PlatformError(f"{path} could not be read ({error.strerror}).") from error


def remove(uri: str) -> None:
    """Take the file or object at `uri` away; that there is none is no error."""
    path = local_path(uri)
    if path is None:
        bucket, name = _bucket(uri)
        bucket.remove(name)
    else:
        path.unlink(missing_ok=True)


def remove_folder(uri: str) -> None:
    """Take the folder at `uri` away with all that is in it; that there is none is no error."""
    path = local_path(uri)
    if path is None:
        bucket, name = _bucket(uri)
        for each in [*bucket.below(f"{name}/")]:
            bucket.remove(each)
    elif path.exists():
        shutil.rmtree(path)


def names(uri: str) -> list[str]:
    """Return the names of the files in the folder `uri` itself, sorted, without hidden ones."""
    path = local_path(uri)
    if path is None:
        bucket, name = _bucket(uri)
        found = [each.removeprefix(f"{name}/") for each in bucket.beside(f"{name}/")]
    else:
        found = [item.name for item in path.iterdir() if item.is_file()] if path.is_dir() else []
    return sorted(each for each in found if each and not each.startswith("."))


def folders(uri: str) -> list[str]:
    """Return the names of the folders in the folder `uri` itself, sorted, without hidden ones."""
    path = local_path(uri)
    if path is None:
        bucket, name = _bucket(uri)
        below = (each.removeprefix(f"{name}/") for each in bucket.below(f"{name}/"))
        found = {each.partition("/")[0] for each in below if "/" in each}
    else:
        found = {item.name for item in path.iterdir() if item.is_dir()} if path.is_dir() else set()
    return sorted(each for each in found if each and not each.startswith("."))


@contextmanager
def partial(path: Path) -> Iterator[Path]:
    """Yield `<path>.partial`, where a file or directory is made that appears at `path` when whole.

    An exception removes it; what a killed process left of it is removed by the next attempt. What
    stood at `path` before is replaced.
    """
    unfinished = path.with_name(f"{path.name}.partial")
    _remove(unfinished)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield unfinished
    except BaseException:
        _remove(unfinished)
        raise
    if path.is_dir():
        _remove(path)
    unfinished.replace(path)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _download(uri: str, destination: Path) -> Path:
    bucket, name = _bucket(uri)
    found = list(_objects(uri, bucket, name))
    if not found:
        raise UsageError(f"{uri} does not exist: there is neither an object nor a folder there.")
    with partial(destination) as unfinished:
        for relative, each in found:
            target = unfinished / relative if relative else unfinished
            target.parent.mkdir(parents=True, exist_ok=True)
            bucket.download(each, target)
    return destination


def _objects(uri: str, bucket: Bucket, name: str) -> Iterator[tuple[str, str]]:
    """Yield (path below `uri`, object) pairs; the path is "" when `uri` is an object itself."""
    if name and bucket.holds(name):
        yield "", name
        return
    prefix = f"{name}/" if name else ""
    for each in bucket.below(prefix):
        # A name that ends with a slash is how some tools note an empty folder.
        if not each.endswith("/"):
            yield _inside(uri, each.removeprefix(prefix), each)


def _inside(uri: str, relative: str, name: str) -> tuple[str, str]:
    """Return the pair unless its name would be written outside the destination."""
    path = PurePosixPath(relative)
    if path.is_absolute() or ".." in path.parts:
        raise UsageError(
            f"{uri} holds an object named {name!r}, which leaves the folder: rename it."
        )
    return relative, name


def _bucket(uri: str) -> tuple[Bucket, str]:
    """Return the bucket and the name inside it that a gs:// or s3:// URI stands for."""
    match = re.fullmatch(r"(gs|s3)://([^/]+)/?(.*?)/*", uri, flags=re.DOTALL)
    if match is None:
        raise UsageError(f"{uri} cannot be reached: supported are {SUPPORTED}.")
    return _BUCKETS[match[1]](match[2], uri), match[3]
