"""Where files lie now that lay elsewhere when they were written down: a home that was restored.

A ledger's records are hash-chained, so what they say stays as it was; `.moved.json` beside them
says where the places are now, and whoever reads a record reads it with that in mind.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from serving import storage

FILE = ".moved.json"
_BEFORE, _AFTER = r"(?<![\w.~-])", r"(?=[/\"'\\\s?#,;)]|$)"


@dataclass(frozen=True)
class Moves:
    """Folders and files that moved: absolute path before -> absolute path now."""

    places: Mapping[str, str]

    def __bool__(self) -> bool:
        return any(before != now for before, now in self.places.items())

    def applied(self, text: str) -> str:
        """Return the text with the old places replaced, as paths, in URIs and inside JSON."""
        spelled = dict(_spellings(self.places))
        longest = sorted(spelled, key=len, reverse=True)
        either = "|".join(map(re.escape, longest))
        return re.sub(f"{_BEFORE}(?:{either}){_AFTER}", lambda at: spelled[at[0]], text)

    @property
    def marks(self) -> list[str]:
        """Return what a text holds that may name an old place: the last part of its path."""
        return sorted({before.rpartition("/")[2] for before, _ in _spellings(self.places)})

    def after(self, earlier: Moves) -> Moves:
        """Return both in one: what had moved before has moved once more."""
        again = {before: self.applied(now) for before, now in earlier.places.items()}
        return Moves({**again, **self.places})

    def to_bytes(self) -> bytes:
        """Return the bytes of the file."""
        return json.dumps(dict(self.places), indent=2, sort_keys=True).encode() + b"\n"


def _spellings(places: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    for before, now in places.items():
        yield json.dumps(before)[1:-1], json.dumps(now)[1:-1]
        yield Path(before).as_uri(), Path(now).as_uri()
        yield before, now


def read(place: str) -> Moves:
    """Return what `<place>/.moved.json` says; nothing moved where there is no such file.

    Raises PlatformError where it cannot be read.
    """
    return from_bytes(storage.read(storage.join(place, FILE)))


def from_bytes(data: bytes | None) -> Moves:
    """Return what the file's bytes say; a damaged one says nothing."""
    try:
        found = json.loads(data or b"{}")
    except ValueError:
        return Moves({})
    return Moves({str(key): str(value) for key, value in found.items()})
