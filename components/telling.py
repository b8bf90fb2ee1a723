"""How a step tells its failure: one line, no traceback, exit code 1."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from serving.errors import KanaryaError, PlatformError

PREFIX = "error: "


@contextmanager
def told() -> Iterator[None]:
    """Turn an expected error into the step's last log line and exit code 1.

    Whatever reads the log (a laptop's runner, a person at a pod) finds the reason in the line
    that starts with `PREFIX`. A full disk is expected as well; anything else keeps its traceback.
    """
    try:
        yield
    except KanaryaError as error:
        _leave(error)
    except OSError as error:
        _leave(PlatformError(f"{error.strerror or error}: {error.filename or 'a file of this step'}"))


def _leave(error: KanaryaError) -> None:
    print(f"{PREFIX}{' '.join(str(error).split())}", file=sys.stderr, flush=True)
    raise SystemExit(1) from error
