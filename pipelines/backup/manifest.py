"""What a backup says of itself: `<moment>.<sha256 of its own bytes>.json`. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

FORMAT = 1
_STAMP = "%Y%m%dT%H%M%S.%fZ"


@dataclass(frozen=True)
class Item:
    """A file below the home: its contents, or where a link leads (`link`), or a folder (neither).

    size      bytes of the contents
    mode      permissions
    mtime_ns  when its contents changed, nanoseconds since 1970; with the size it tells the next
              backup that a file need not be read again. 0: it must be
    """

    path: str
    sha256: str = ""
    size: int = 0
    mode: int = 0o644
    mtime_ns: int = 0
    link: str = ""


@dataclass(frozen=True)
class Manifest:
    """One backup.

    places  where the parts were: absolute path then -> path below the home it is restored to
    notes   what is not in it, and why, in sentences
    """

    created: datetime
    namespace: str
    places: Mapping[str, str]
    items: tuple[Item, ...]
    notes: tuple[str, ...] = ()

    @cached_property
    def data(self) -> bytes:
        """All bytes of its file."""
        record = {
            "format": FORMAT,
            "created": self.created.astimezone(UTC).strftime(_STAMP),
            "namespace": self.namespace,
            "places": dict(self.places),
            "notes": list(self.notes),
            "items": [_spare(item) for item in self.items],
        }
        return json.dumps(record, sort_keys=True, separators=(",", ":")).encode() + b"\n"

    @property
    def name(self) -> str:
        """The name of its file, which holds its sha256."""
        stamp = self.created.astimezone(UTC).strftime(_STAMP)
        return f"{stamp}.{hashlib.sha256(self.data).hexdigest()}.json"

    @property
    def moment(self) -> str:
        """When it was made, as it is called on the command line."""
        return self.created.astimezone(UTC).strftime(_STAMP)

    @property
    def objects(self) -> frozenset[str]:
        """The sha256 of every content in it."""
        return frozenset(item.sha256 for item in self.items if item.sha256)

    @property
    def size(self) -> int:
        """The bytes of all files in it."""
        return sum(item.size for item in self.items)


def _spare(item: Item) -> dict[str, Any]:
    return {key: value for key, value in asdict(item).items() if value}


def read(name: str, data: bytes) -> Manifest:
    """Return what a manifest's bytes say; raises ValueError where they are not what was written."""
    if hashlib.sha256(data).hexdigest() != name.split(".")[-2]:
        raise ValueError("its sha256 is not the one in its name")
    record = json.loads(data)
    if record["format"] > FORMAT:
        raise ValueError(f"a newer Kanarya wrote it (format {record['format']}): use that one")
    created = datetime.strptime(record["created"], _STAMP).replace(tzinfo=UTC)
    return Manifest(
        created,
        record["namespace"],
        record["places"],
        tuple(Item(**{"mode": 0, **item}) for item in record["items"]),
        tuple(record["notes"]),
    )
