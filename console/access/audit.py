"""Every action of the console, one JSON line each, appended and on the disk before it is done."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from console.access.roles import Person

LONGEST = 500
"""Characters of a value; an uploaded file's name may be anything."""


@dataclass(frozen=True)
class Audit:
    """The file `audit/console.jsonl` of the home."""

    path: Path

    def record(self, person: Person, action: str, subject: str, **detail: object) -> None:
        """Write down who does what to what. Raises OSError: what cannot be recorded is not done."""
        line = _line(person, action, subject, detail)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, line)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _line(person: Person, action: str, subject: str, detail: dict[str, object]) -> bytes:
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    record: dict[str, Any] = {"at": at, "who": person.name, "role": str(person.role)}
    record |= {"from": person.address, "action": action, "subject": subject[:LONGEST]}
    record |= {key: str(value)[:LONGEST] for key, value in detail.items()}
    return (json.dumps(record, ensure_ascii=False) + "\n").encode()
