"""Where bytes are: a path, `file://` or `gs://`; the home of google.cloud.storage.

Nothing appears half-written: what is fetched or written stands under `<name>.partial` until it is
whole, and a directory that is uploaded gets its MANIFEST.json last.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from serving import lasting
from serving.errors import PlatformError, UsageError

MANIFEST = "MANIFEST.json"
SUPPORTED = "a path, file:// or gs://"
RETRY_SECONDS = 30.0
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def local_path(uri: str) -> Path | None:
    """Return the absolute path that a plain path or `file://` URI names; None for any other scheme.

    Raises UsageError for a `file://` URI of another machine.
    """
    if not _SCHEME.match(uri):
        return Path(uri).expanduser().absolute()
    parts = urlsplit(uri)
    if parts.scheme.lower() != "file":
        return None
    if parts.netloc not in ("", "localhost"):
        raise UsageError(
            f"{uri} names the machine {parts.netloc!r}: a local file has three slashes, file:///."
        )
    # "#" and "?" are ordinary characters of a file name; urlsplit would cut there.
    return Path(unquote(uri[len("file://") + len(parts.netloc) :])).absolute()


def join(uri: str, *parts: str) -> str:
    """Return `uri` with the parts below it, joined by single slashes."""
    return "/".join([uri.rstrip("/"), *(part.strip("/") for part in parts)])


def exists(uri: str) -> bool:
    """Say whether there is a file or a directory (for gs://: an object or a prefix) at `uri`."""
    path = local_path(uri)
    if path is not None:
        return path.exists()
    return next(_objects(uri), None) is not None


def fetch(uri: str, destination: Path) -> Path:
    """Return a local path with the file or directory that `uri` names.

    Local ones are returned as they are, without a copy; an object or a prefix of gs:// is copied to
    `destination`, which appears only when it is whole. Raises UsageError when nothing is there.
    """
    path = local_path(uri)
    if path is None:
        return _download(uri, destination)
    if not path.exists():
        raise UsageError(f"{path} does not exist: give the path of a file that does.")
    return path


def upload(directory: Path, uri: str) -> None:
    """Copy every file of `directory` below the gs:// `uri`, its MANIFEST.json last.

    The last file is what makes a model directory valid, so an upload that was cut off shows none.
    """
    bucket, prefix = _bucket(uri)
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    with _translated(uri):
        for path in sorted(files, key=lambda path: path.name == MANIFEST):
            name = "/".join(filter(None, [prefix, path.relative_to(directory).as_posix()]))
            bucket.blob(name).upload_from_filename(str(path), retry=_retry())


def create(uri: str, data: bytes) -> bool:
    """Write a file or object that is not there yet, whole and lasting; False where one is.

    Of many writers exactly one gets True. Raises PlatformError where it cannot be written.
    """
    path = local_path(uri)
    if path is None:
        return _created(uri, data)
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
        return _downloaded(uri)
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise PlatformError(f"{path} could not be read ({error.strerror}).") from error


def names(uri: str) -> list[str]:
    """Return the names of the files in the folder `uri` itself, sorted, without hidden ones."""
    path = local_path(uri)
    if path is None:
        bucket, name = _bucket(uri)
        with _translated(uri):
            blobs = list(bucket.list_blobs(prefix=f"{name}/", delimiter="/", retry=_retry()))
        found = [blob.name.removeprefix(f"{name}/") for blob in blobs]
    else:
        found = [item.name for item in path.iterdir() if item.is_file()] if path.is_dir() else []
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


def _downloaded(uri: str) -> bytes | None:
    bucket, name = _bucket(uri)
    with _translated(uri):
        from google.api_core.exceptions import NotFound

        try:
            content: bytes = bucket.blob(name).download_as_bytes(retry=_retry())
        except NotFound:
            return None
    return content


def _created(uri: str, data: bytes) -> bool:
    bucket, name = _bucket(uri)
    with _translated(uri):
        from google.api_core.exceptions import PreconditionFailed

        try:
            bucket.blob(name).upload_from_string(
                data, content_type="application/json", if_generation_match=0, retry=_retry()
            )
        except PreconditionFailed:
            # The answer to an upload that was made may have been lost, and the retry refused.
            return read(uri) == data
    return True


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _download(uri: str, destination: Path) -> Path:
    found = list(_objects(uri))
    if not found:
        raise UsageError(f"{uri} does not exist: there is neither an object nor a folder there.")
    with partial(destination) as unfinished, _translated(uri):
        for relative, blob in found:
            target = unfinished / relative if relative else unfinished
            target.parent.mkdir(parents=True, exist_ok=True)
            blob.download_to_filename(str(target), retry=_retry())
    return destination


def _objects(uri: str) -> Iterator[tuple[str, Any]]:
    """Yield (path below `uri`, object) pairs; the path is "" when `uri` is an object itself."""
    bucket, name = _bucket(uri)
    with _translated(uri):
        single = bucket.get_blob(name, retry=_retry()) if name else None
        if single is not None:
            yield "", single
            return
        prefix = f"{name}/" if name else ""
        for blob in bucket.list_blobs(prefix=prefix, retry=_retry()):
            # A name that ends with a slash is how some tools note an empty folder.
            if not blob.name.endswith("/"):
                yield _inside(uri, blob.name.removeprefix(prefix), blob)


def _inside(uri: str, relative: str, blob: Any) -> tuple[str, Any]:
    """Return the pair unless its name would be written outside the destination."""
    path = PurePosixPath(relative)
    if path.is_absolute() or ".." in path.parts:
        raise UsageError(
            f"{uri} holds an object named {blob.name!r}, which leaves the folder: rename it."
        )
    return relative, blob


def _bucket(uri: str) -> tuple[Any, str]:
    """Return the bucket and the name inside it that a gs:// URI stands for."""
    match = re.fullmatch(r"gs://([^/]+)/?(.*?)/*", uri, flags=re.DOTALL)
    if match is None:
        raise UsageError(f"{uri} cannot be reached: supported are {SUPPORTED}.")
    return _client(uri).bucket(match[1]), match[2]


def _client(uri: str) -> Any:
    """Return a client; STORAGE_EMULATOR_HOST makes it anonymous and send everything there."""
    try:
        import google.cloud.storage  # noqa: F401
    except ImportError as error:
        raise PlatformError(
            f"{uri} needs google-cloud-storage: install it with `pip install 'kanarya[gcs]'`."
        ) from error
    with _translated(uri):
        # Reading public data needs no project, and asking the machine for one takes seconds.
        project = os.environ.get("GOOGLE_CLOUD_PROJECT", "kanarya")
        return _known_client(project, os.environ.get("STORAGE_EMULATOR_HOST"), os.getpid())


@lru_cache(maxsize=4)
def _known_client(project: str, _emulator: str | None, _pid: int) -> Any:
    """Return one client a process and address: each new one would ask for credentials anew."""
    from google.cloud import storage

    return storage.Client(project=project)


def _retry() -> Any:
    """Return how long a call is repeated; the library's own two minutes look like a hang."""
    from google.cloud.storage.retry import DEFAULT_RETRY

    return DEFAULT_RETRY.with_timeout(RETRY_SECONDS)


@contextmanager
def _translated(uri: str) -> Iterator[None]:
    """Turn the errors of google's libraries into a sentence of ours."""
    import requests  # type: ignore[import-untyped]
    from google.api_core.exceptions import Forbidden, GoogleAPIError, NotFound, Unauthorized
    from google.auth.exceptions import GoogleAuthError
    from google.cloud.storage.exceptions import DataCorruption, InvalidResponse

    try:
        yield
    except NotFound as error:
        raise UsageError(f"{uri} does not exist: check the name of the bucket.") from error
    except (Forbidden, Unauthorized) as error:
        raise UsageError(f"{uri} may not be used with these credentials: {error}.") from error
    except GoogleAuthError as error:
        raise UsageError(
            f"{uri} needs credentials: run `gcloud auth application-default login` ({error})."
        ) from error
    except DataCorruption as error:
        raise PlatformError(f"{uri} arrived damaged, fetch it again: {error}.") from error
    except (GoogleAPIError, InvalidResponse, requests.RequestException) as error:
        raise PlatformError(f"{uri} could not be reached, try again: {error}.") from error
