"""What was done to this installation, by whom and when: it only grows, each line names the last.

`<home>/audit/actions.jsonl` has one JSON object a line:

    at        UTC, RFC 3339 with microseconds: just before it was done
    who       user@host, the service account, or the console's login
    action    `registry.champion`, `run.cancel`, …; `subject`: what it was done to
    prev      sha256 (hex) of the line before; 64 zeros in the first
    …         more texts: run, version, role, from (an address)

Where the ledger is not in the home but where pods share it (a bucket, a volume), their own disks
forget: there each action is a file or object of its own, `<ledger>/.audit/<moment>-<chance>.json`,
which is created once and never changed. What a rollout decides is in the ledger itself.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from serving import storage
from serving.errors import KanaryaError, PlatformError
from serving.settings import Settings

FIRST = "0" * 64
LONGEST = 500
"""Characters of a value; an uploaded file's name may be anything."""
LAST_BYTES = 1 << 16
"""No line is longer."""
STAMP = "%Y-%m-%dT%H:%M:%S.%fZ"
FILE, FOLDER = "actions.jsonl", ".audit"
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_READERS = 8


class AuditError(KanaryaError):
    """The record of actions is not what was written."""


@dataclass(frozen=True)
class Deed:
    """Who did what to what; `detail`: more texts that say which, from where, why."""

    who: str
    action: str
    subject: str
    detail: Mapping[str, str] = field(default_factory=dict)

    def to_json(self, at: datetime) -> dict[str, str]:
        """Return what is kept of it."""
        detail = {key: str(value)[:LONGEST] for key, value in self.detail.items() if value != ""}
        head = {"at": at.astimezone(UTC).strftime(STAMP), "who": self.who}
        return {**head, "action": self.action, "subject": self.subject[:LONGEST], **detail}


class Log(Protocol):
    """Where actions are kept."""

    def append(self, deed: Deed) -> None:
        """Keep an action, for good. Raises PlatformError: what cannot be kept is not done."""

    def records(self) -> list[dict[str, Any]]:
        """Return all of them, oldest first. Raises AuditError where they were changed."""


@dataclass(frozen=True)
class FileLog:
    """Actions as lines of one file, each with the digest of the line before."""

    path: Path

    def append(self, deed: Deed) -> None:
        """Keep an action; see `Log`."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                _append(handle, deed.to_json(datetime.now(UTC)))
            finally:
                os.close(handle)
        except OSError as error:
            remedy = "make room" if error.errno in FULL else "make it writable"
            raise PlatformError(
                f"cannot write {self.path}: {error.strerror}, and what is not recorded is not "
                f"done; {remedy} and run it again"
            ) from error

    def records(self) -> list[dict[str, Any]]:
        """Return all of them; see `Log`."""
        data = self.path.read_bytes() if self.path.is_file() else b""
        return _chained(_whole(data).splitlines(), self.path)


@dataclass(frozen=True)
class SharedLog:
    """Actions as files or objects of their own, where many machines write."""

    place: str

    def append(self, deed: Deed) -> None:
        """Keep an action; see `Log`."""
        at = datetime.now(UTC)
        line = _line(deed.to_json(at))
        name = f"{at:%Y%m%dT%H%M%S.%fZ}-{secrets.token_hex(4)}.json"
        storage.create(storage.join(self.place, name), line)

    def records(self) -> list[dict[str, Any]]:
        """Return all of them; see `Log`."""
        places = [storage.join(self.place, name) for name in storage.names(self.place)]
        with ThreadPoolExecutor(_READERS) as pool:
            found = list(zip(places, pool.map(storage.read, places), strict=True))
        return [_parsed(line or b"", place) for place, line in found]


def log_of(settings: Settings) -> Log:
    """Return where this installation keeps its actions: with its ledger."""
    ledger = storage.local_path(settings.ledger)
    if ledger and ledger.is_relative_to(settings.home):
        return FileLog(settings.home / "audit" / FILE)
    return SharedLog(storage.join(settings.ledger, FOLDER))


def note(action: str, subject: str, settings: Settings | None = None, **detail: str) -> None:
    """Keep what this process is about to do for the user it runs as. Raises PlatformError."""
    from serving.rollout.actor import actor

    log = log_of(settings or Settings.from_env())
    log.append(Deed(actor(), action, subject, detail))


def _append(handle: int, record: Mapping[str, str]) -> None:
    size = os.fstat(handle).st_size
    tail = os.pread(handle, LAST_BYTES, max(0, size - LAST_BYTES))
    whole = _whole(tail)
    size -= len(tail) - len(whole)
    os.ftruncate(handle, size)
    lines = whole.splitlines()
    line = _line({**record, "prev": _digest(lines[-1]) if lines else FIRST})
    try:
        if os.write(handle, line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(handle)
    except OSError:
        os.ftruncate(handle, size)
        raise


def _whole(data: bytes) -> bytes:
    """Return the whole lines: who writes the last one still, or was killed, has done nothing."""
    return data[: data.rfind(b"\n") + 1]


def _chained(lines: list[bytes], path: Path) -> list[dict[str, Any]]:
    before, found = FIRST, []
    for number, line in enumerate(lines, 1):
        record = _parsed(line, f"{path}, line {number}")
        if record.pop("prev", None) != before:
            raise AuditError(
                f"{path}, line {number} does not follow the line before it: one of them was "
                "changed, or a line between them was taken away; compare it with a backup."
            )
        before = _digest(line)
        found.append(record)
    return found


def _parsed(line: bytes, place: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
        if {"at", "who", "action", "subject"} <= set(record):
            return dict(record)
    except (ValueError, TypeError):
        pass
    raise AuditError(f"{place} is no record of an action: compare it with a backup.")


def _line(record: Mapping[str, str]) -> bytes:
    text = json.dumps(record, ensure_ascii=False)
    # A lone surrogate, of a file name for one, has no bytes in UTF-8.
    return f"{text}\n".encode("utf-8", "backslashreplace")


def _digest(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()
