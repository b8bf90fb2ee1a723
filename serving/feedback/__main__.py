"""`python -m serving.feedback`: keep the feedback of models until told to stop."""

from __future__ import annotations

import argparse
import logging
import math
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from serving.errors import KanaryaError
from serving.feedback.book import MOST_ROWS, RETENTION_H, Bounds
from serving.feedback.books import Books
from serving.feedback.collector import Collector, Desk
from serving.predictor.listening import address, bind
from serving.predictor.parent import exit_with


def parser() -> argparse.ArgumentParser:
    """Return the command line's flags."""
    flags = argparse.ArgumentParser(prog="python -m serving.feedback", description=__doc__)
    add = flags.add_argument
    add("--folder", type=Path, required=True, help="where the feedback is kept")
    add("--host", default="127.0.0.1", help="the address; 0.0.0.0 in a container")
    add("--port", type=int, default=8603, help="the port; 0 takes a free one")
    add("--listen_fd", type=int, help="answer on this inherited, bound socket")
    add("--retention_h", type=float, default=RETENTION_H, help="hours for which all is kept")
    add("--max_rows", type=int, default=MOST_ROWS, help="predictions, and labels, of each model")
    add("--exit_with_parent", action="store_true", help="end when the parent process ends")
    return flags


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT, and return the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    flags = parser().parse_args(argv)
    if not 0 < flags.retention_h < math.inf or flags.max_rows < 1:
        print("error: --retention_h and --max_rows are numbers above 0", file=sys.stderr)
        return 2
    if flags.exit_with_parent:
        exit_with(os.getppid())
    try:
        serve(flags)
    except KanaryaError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def serve(flags: argparse.Namespace) -> None:
    """Answer until told to stop. Raises PlatformError where the port is taken."""
    books = Books(flags.folder, Bounds(flags.retention_h, flags.max_rows))
    listener = bind(flags.host, flags.port, flags.listen_fd, ("collector", "--port"))
    server = Collector(listener, Desk(books, flags.retention_h * 3600))
    for sign in (signal.SIGTERM, signal.SIGINT):
        # From another thread: shutdown waits for the loop that this signal interrupts.
        signal.signal(sign, lambda *_: threading.Thread(target=server.shutdown).start())
    print(f"feedback on {address(listener)}, kept in {flags.folder}", file=sys.stderr)
    server.serve_forever()
    server.server_close()
    books.close()


if __name__ == "__main__":
    sys.exit(main())
