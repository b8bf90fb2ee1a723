"""A collector in this process, at a free port."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from serving.feedback.book import Bounds
from serving.feedback.books import Books
from serving.feedback.collector import Collector, Desk
from serving.feedback.truths import Predicted, Truth
from serving.predictor.listening import address, bind

NOW = 1_000_000.0
DAY_S = 86_400.0


def predicted(
    id_: str, output: Truth, *, version: str = "1", row: int = 0, at: float = NOW
) -> Predicted:
    return Predicted(id_, row, at, version, output)


@contextmanager
def collector(
    folder: Path, clock: Callable[[], float] = lambda: NOW, bounds: Bounds | None = None
) -> Iterator[str]:
    """Serve, and give the address of the namespace `ml`."""
    books = Books(folder, bounds or Bounds(24))
    listener = bind("127.0.0.1", 0, None)
    server = Collector(listener, Desk(books, DAY_S, clock))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"{address(listener)}/ml"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        books.close()
