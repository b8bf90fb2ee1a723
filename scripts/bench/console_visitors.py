"""Visitors of a console who open its pages one after the other, until the standard input ends."""

from __future__ import annotations

import sys
import threading
import time
import urllib.request
from collections.abc import Sequence

from serving import priority

PAUSE_S = 0.2
"""Between two pages: five a second are more than fifty people open."""


def main(url: str, paths: Sequence[str]) -> None:
    """Say that it begins; then open page after page, and print in the end how many."""
    priority.give_way(19)  # who visits sits at another machine, and takes nothing of this one
    over, count = threading.Event(), 0

    def wait() -> None:
        sys.stdin.read()
        over.set()

    threading.Thread(target=wait, daemon=True).start()
    print("visiting", flush=True)
    while not over.is_set():
        with urllib.request.urlopen(url + paths[count % len(paths)], timeout=60) as answer:
            answer.read()
        count += 1
        time.sleep(PAUSE_S)
    print(count, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
