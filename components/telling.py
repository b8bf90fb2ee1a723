"""How a step talks to whoever watches its log: notes on the way, one sentence when it fails."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from serving.errors import KanaryaError, PlatformError

ERROR = "error: "
NOTE = "note: "
STEP, LAST_WORDS = "KANARYA_STEP", "KANARYA_LAST_WORDS"
"""Variables: the step's name, and the file for why it failed where Kubernetes has none."""
TERMINATION_LOG = Path("/dev/termination-log")
"""Kubernetes shows what is in it as the container's last words (4096 bytes at most)."""
_REMEDIES = {
    errno.ENOSPC: "make room",
    errno.EDQUOT: "make room",
    errno.EFBIG: "make room",
    errno.EACCES: "make it writable",
    errno.EROFS: "make it writable",
}


def note(text: str) -> None:
    """Say one fact on the way; a laptop's runner shows these lines live."""
    print(f"{NOTE}{' '.join(text.split())}", flush=True)


@contextmanager
def told() -> Iterator[None]:
    """Turn an expected error into the step's last log line and exit code 1, without a traceback.

    Whatever reads the log (a laptop's runner, a person at a pod) finds the reason in the line
    that starts with `ERROR`. A full disk is expected as well; anything else keeps its traceback.
    """
    try:
        yield
    except KanaryaError as error:
        _leave(error)
    except Exception as error:
        full = unwritable(error, "a file of this step")
        if full is None:
            _keep(f"{type(error).__name__}: {error}")
            raise
        _leave(full)


def unwritable(error: BaseException, where: object) -> PlatformError | None:
    """Return the sentence for a disk that is full or closed, None where it is something else.

    Libraries wrap what the system said in errors of their own, so the whole chain is looked at.
    `where`: said of a write that failed, for it does not name its file.
    """
    link: BaseException | None = error
    while link:
        if isinstance(link, OSError) and link.errno in _REMEDIES:
            what = f"cannot write {link.filename or where}: {link.strerror}"
            return PlatformError(f"{what}; {_REMEDIES[link.errno]} and run it again")
        if getattr(link, "sqlite_errorname", "") == "SQLITE_FULL":
            return PlatformError(f"cannot write the database: {link}; make room and run it again")
        link = link.__cause__ or link.__context__
    return None


@contextmanager
def room(where: object) -> Iterator[None]:
    """Say in one sentence that the disk of `where` is full or closed. Raises PlatformError."""
    try:
        yield
    except OSError as error:
        full = unwritable(error, where)
        if full is None:
            raise
        raise full from error


def last_words() -> str:
    """Return what the step that failed last on this machine said, with its name before it."""
    asked = os.environ.get(LAST_WORDS)
    with suppress(OSError):
        return Path(asked).read_text(encoding="utf-8") if asked else ""
    return ""


def _leave(error: KanaryaError) -> None:
    sentence = " ".join(str(error).split())
    print(f"{ERROR}{sentence}", file=sys.stderr, flush=True)
    _keep(sentence)
    raise SystemExit(1) from error


def _keep(reason: str) -> None:
    words = f"{os.environ.get(STEP, 'a step')}: {' '.join(reason.split())}"
    asked = os.environ.get(LAST_WORDS)
    place = Path(asked) if asked else TERMINATION_LOG
    if asked or TERMINATION_LOG.exists():
        with suppress(OSError):
            place.write_text(words.encode()[:4000].decode(errors="ignore"), encoding="utf-8")
