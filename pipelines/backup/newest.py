"""Which backup of a home is the newest: noted in the home, since its folder may be anywhere."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from serving.storage import partial

NAME = "backup.json"


@dataclass(frozen=True)
class Newest:
    """When it was made, and the folder that it is in."""

    at: datetime
    folder: str


def write(home: Path, made: Newest) -> None:
    """Note a backup that was made and read back. Raises OSError."""
    with partial(home / NAME) as unfinished:
        record = {"at": made.at.isoformat(), "folder": made.folder}
        unfinished.write_text(json.dumps(record) + "\n", encoding="utf-8")


def read(home: Path) -> Newest | None:
    """Return the newest backup of a home; None where none was ever made."""
    try:
        known = json.loads((home / NAME).read_text(encoding="utf-8"))
        return Newest(datetime.fromisoformat(known["at"]), str(known["folder"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
