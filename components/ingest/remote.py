"""Fetching files from elsewhere: http(s):// with ranges, s3:// with pyarrow, gs:// with storage."""

from __future__ import annotations

import base64
import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.error import HTTPError
from urllib.parse import unquote, urlsplit
from urllib.request import Request, urlopen

from components.credentials import filled, masked
from components.csv_bytes import CHUNK
from components.errors import UnreadableError
from serving import storage
from serving.errors import PlatformError, UsageError

ATTEMPTS = 4
TIMEOUT_S = 30.0
FIRST_S, LONGEST_S = 0.5, 60.0
"""Before the second attempt, then twice as long each time; the most that a server may ask for."""
PASSING = frozenset({408, 425, 429})
"""Answers below 500 that are another one a little later."""
CLOSED = frozenset({401, 403, 407})
RANGE = 8 << 20
"""Bytes of an S3 object that are asked for at a time."""
SUPPORTED = "a path, file://, gs://, s3:// and http(s)://"
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def fetch(uri: str, folder: Path) -> list[tuple[Path, str]]:
    """Return (copy, name) of the files that `uri` stands for, sorted by name.

    What broke off is taken up where it ended, if the server can. Raises UnreadableError where
    there is nothing, UsageError for other schemes, PlatformError for what may pass.
    """
    scheme = urlsplit(uri).scheme.lower()
    if scheme in ("http", "https"):
        return [_over_http(uri, folder)]
    if scheme == "s3":
        return _from_s3(uri, folder)
    if scheme != "gs":
        raise UsageError(f"{uri} cannot be reached: supported are {SUPPORTED}.")
    path = storage.fetch(uri, folder)
    files = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
    return [(each, each.relative_to(path).as_posix()) for each in files]


def copied(uri: str, path: Path) -> Path:
    """Return the file or the folder that `uri` stands for, copied to `path` as it lies there.

    Raises as `fetch` does; a bucket is read by its own client, with the keys of the environment.
    """
    if urlsplit(uri).scheme.lower() in ("http", "https"):
        return _over_http(uri, path)[0]
    return storage.fetch(uri, path)


def _over_http(uri: str, path: Path) -> tuple[Path, str]:
    reason: Exception | None = None
    mark = ""
    for attempt in range(ATTEMPTS):
        if reason:
            time.sleep(_pause_s(uri, reason, attempt))
        try:
            mark, whole = _taken_up(uri, path, mark)
        except HTTPError as error:
            error.close()
            _refuse_for_good(error)
            reason = error
        except (HTTPException, OSError) as error:
            if _is_of_disk(error):
                raise
            reason = error
        else:
            if whole:
                return path, PurePosixPath(unquote(urlsplit(uri).path)).name
            reason = EOFError("the answer broke off")
    why = masked(str(reason), uri, os.environ)
    raise PlatformError(f"{uri} could not be fetched in {ATTEMPTS} attempts ({why}); try again")


def _refuse_for_good(error: HTTPError) -> None:
    """Raise UnreadableError for an answer that is the same the next time."""
    if error.code >= 500 or error.code in PASSING:
        return
    said = f"{error.code} {error.reason}"
    if error.code in CLOSED:
        why = f"the server answers {said}: give the address a login that may read it."
    else:
        why = f"the server answers {said}: check the address."
    raise UnreadableError(why) from error


def _pause_s(uri: str, reason: Exception, attempt: int) -> float:
    """Return the seconds before the next attempt: as many as the server asks for, or ever more.

    Raises PlatformError where it asks for more than a step should wait.
    """
    asked = _asked_s(reason.headers.get("Retry-After")) if isinstance(reason, HTTPError) else 0.0
    if asked > LONGEST_S:
        raise PlatformError(
            f"{uri} could not be fetched ({reason}): its server asks to be left alone for "
            f"{asked:,.0f} s; try again then"
        )
    return max(asked, FIRST_S * 2.0 ** (attempt - 1))


def _asked_s(wanted: str | None) -> float:
    """Return the seconds of a `Retry-After`: a number of them, or the date when they are over."""
    if wanted is None or wanted.strip().isdecimal():
        return float(wanted or 0)
    try:
        return max(0.0, parsedate_to_datetime(wanted).timestamp() - time.time())
    except ValueError:
        return 0.0


def _taken_up(uri: str, path: Path, mark: str) -> tuple[str, bool]:
    """Fetch what is missing of the file; return what marks its version, and whether it is whole."""
    have = path.stat().st_size if mark and path.exists() else 0
    # The server sends all of it when the version is another one by now.
    headers = {"Range": f"bytes={have}-", "If-Range": mark} if have else {}
    with urlopen(_request(filled(uri, os.environ), headers), timeout=TIMEOUT_S) as answer:
        resumed = answer.status == 206
        length = answer.headers["Content-Length"]
        with path.open("ab" if resumed else "wb") as file:
            before = file.tell()
            while content := answer.read(CHUNK):
                file.write(content)
                mark = answer.headers["ETag"] or answer.headers["Last-Modified"] or ""
            got = file.tell() - before
    return "" if mark.startswith("W/") else mark, length is None or got == int(length)


def _request(uri: str, headers: dict[str, str]) -> Request:
    """Return what is asked; a user and password before the host go where HTTP has them."""
    parts = urlsplit(uri)
    login, _, host = parts.netloc.rpartition("@")
    asked = Request(parts._replace(netloc=host).geturl(), headers=headers)
    if login:
        given = base64.b64encode(unquote(login).encode()).decode()
        # Where the server sends us on to another one, that is not told.
        asked.add_unredirected_header("Authorization", f"Basic {given}")
    return asked


def _from_s3(uri: str, folder: Path) -> list[tuple[Path, str]]:
    """Fetch an object, or all below a prefix; `?endpoint_override=` names another server.

    Objects are read range by range, each of which the AWS SDK asks for again when it breaks off.
    """
    from pyarrow import fs

    with _translated(uri):
        server, place = fs.FileSystem.from_uri(filled(uri, os.environ))
        info = server.get_file_info(place)
        if info.type == fs.FileType.File:
            found = [info]
        else:
            below = fs.FileSelector(place, recursive=True, allow_not_found=True)
            found = [each for each in server.get_file_info(below) if each.is_file]
        if not found:
            raise UnreadableError("there is neither an object nor a folder: check its name.")
        copies = [(folder / str(number), each) for number, each in enumerate(found)]
        folder.mkdir(parents=True, exist_ok=True)
        for copy, each in copies:
            _copied(server, each, copy)
    named = [(copy, each.path.removeprefix(f"{place}/")) for copy, each in copies]
    return sorted(named, key=lambda pair: pair[1])


def _copied(server: Any, found: Any, copy: Path) -> None:
    """Copy an object; what broke off is taken up where it ended while the object is the same."""
    copy.write_bytes(b"")
    for left in reversed(range(ATTEMPTS)):
        try:
            with server.open_input_file(found.path) as source, copy.open("ab") as target:
                source.seek(target.tell())
                while content := source.read(RANGE):
                    target.write(content)
        except OSError as error:
            if _is_of_disk(error) or not left:
                raise
            time.sleep(FIRST_S * 2.0 ** (ATTEMPTS - 1 - left))
        else:
            break
        _refuse_changed(server, found)
    _refuse_changed(server, found)


def _refuse_changed(server: Any, found: Any) -> None:
    now = server.get_file_info(found.path)
    if (now.size, now.mtime) != (found.size, found.mtime):
        raise PlatformError(
            f"s3://{found.path} was replaced while it was read; read it again when it is settled"
        )


def _is_of_disk(error: BaseException) -> bool:
    """Say whether the disk failed: its errors name a file or say that it is full."""
    return bool(getattr(error, "filename", None)) or getattr(error, "errno", None) in FULL


@contextmanager
def _translated(uri: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if _is_of_disk(error):
            raise
        first = masked(str(error).partition("\n")[0], uri, os.environ)
        raise PlatformError(f"{uri} could not be read ({first}); check it and try again") from error
