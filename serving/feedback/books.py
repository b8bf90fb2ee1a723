"""All books of a collector: `<folder>/<namespace>/<model>.db`, opened when they are needed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from threading import Lock

from serving.errors import PlatformError, UsageError
from serving.feedback.book import Book, Bounds

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
MOST_BOOKS = 200
"""Each holds three files open."""


class Books:
    """The feedback of every model by namespace and name; safe for threads."""

    def __init__(self, folder: Path, bounds: Bounds) -> None:
        """Open what is there when it is asked for."""
        self._folder, self._bounds = folder, bounds
        self._open: dict[tuple[str, str], Book] = {}
        self._lock = Lock()

    def of(self, namespace: str, model: str) -> Book:
        """Return a model's book, made if it is not there. Raises UsageError, PlatformError."""
        path = _place(self._folder, namespace, model)
        with self._lock:
            if (namespace, model) not in self._open:
                if len(self._open) >= MOST_BOOKS:
                    raise PlatformError(
                        f"this collector has the feedback of {MOST_BOOKS} models already; give "
                        f"{model} one of its own."
                    )
                self._open[namespace, model] = Book(path, self._bounds)
            return self._open[namespace, model]

    def found(self, namespace: str, model: str) -> Book | None:
        """Return a model's book; None where nothing was ever told of it, for a question makes none.

        Raises UsageError, PlatformError.
        """
        is_there = _place(self._folder, namespace, model).exists()
        return self.of(namespace, model) if is_there else None

    def known(self) -> Iterator[tuple[str, str]]:
        """Yield namespace and name of every model that there is feedback of."""
        for path in sorted(self._folder.glob("*/*.db")):
            namespace, model = path.parent.name, path.stem
            if NAME.fullmatch(namespace) and NAME.fullmatch(model):
                yield namespace, model

    def close(self) -> None:
        """Close every file."""
        with self._lock:
            while self._open:
                self._open.popitem()[1].close()


def place(folder: Path, namespace: str, model: str) -> Path:
    """Return where the feedback of a model is."""
    return folder / namespace / f"{model}.db"


def _place(folder: Path, namespace: str, model: str) -> Path:
    """Return the same of what somebody asks for. Raises UsageError where these are no names."""
    if not NAME.fullmatch(namespace) or not NAME.fullmatch(model):
        raise UsageError(f"{namespace!r:.80}/{model!r:.80} is no namespace and name of a model.")
    return place(folder, namespace, model)
