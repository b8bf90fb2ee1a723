"""How a step talks to whoever watches its log: notes on the way, one sentence when it fails."""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from serving.errors import KanaryaError, PlatformError

ERROR = "error: "
NOTE = "note: "


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
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.EFBIG):
            raise
        where = error.filename or "a file of this step"
        _leave(PlatformError(f"cannot write {where}: {error.strerror}; make room and run it again"))


def _leave(error: KanaryaError) -> None:
    print(f"{ERROR}{' '.join(str(error).split())}", file=sys.stderr, flush=True)
    raise SystemExit(1) from error
