"""The ledger of a service: a folder of records, appended to by whoever comes first (`record.py`).

The folder is `<place>/<service>/`, or `<place>/<service>.<namespace>/` in another namespace than
`default`; the place is a path, or a gs:// or s3:// URI.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Protocol

from serving import moved, storage
from serving.errors import KanaryaError, PlatformError, UsageError
from serving.moved import Moves
from serving.published import manifest_sha256
from serving.rollout.actor import actor
from serving.rollout.chain import Chain, chained, receipt
from serving.rollout.record import (
    FIRST,
    Entry,
    Model,
    Record,
    digest,
    file_of,
    relocated,
    said_before,
    seq_of,
    with_digests,
)

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_NEAR = 32
"""How many records back something is looked for: that of a rollout under way is among the last."""
_READERS = 8
"""Objects of a bucket that are read at once: one takes some 30 ms."""


class LedgerError(KanaryaError):
    """The ledger cannot be read or written, or is not what was written."""


class Ledger(Protocol):
    """Where a rollout's decisions are kept, for good and in order."""

    def append(self, entry: Entry) -> str:
        """Return the receipt (`<seq>:<sha256>`) of an entry, which from now on outlasts us.

        The newest decision of a rollout is not written twice: a process that goes on where another
        one was killed gets the receipt of what that one wrote. Raises LedgerError.
        """

    def newest(self, service: str, rollout: str) -> Record | None:
        """Return the last that was written of a rollout, None where nothing was."""

    def chain(self, service: str) -> Chain:
        """Return all records of a service. Raises LedgerError naming the files that are wrong."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class StoredLedger:
    """A ledger in files or objects that are created once and never changed."""

    place: str
    namespace: str = "default"
    clock: Callable[[], datetime] = _now
    sha256_of: Callable[[str], str | None] = manifest_sha256
    actor: str = field(default_factory=actor)
    _read_once: dict[str, Record] = field(default_factory=dict, init=False, repr=False)

    def folder(self, service: str) -> str:
        """Return where the records of a service are. Raises UsageError where it is no name."""
        if not _NAME.fullmatch(service):
            raise UsageError(f"{service!r} is no name of a service: use a-z, 0-9 and '-'.")
        of = service if self.namespace == "default" else f"{service}.{self.namespace}"
        return storage.join(self.place, of)

    def append(self, entry: Entry) -> str:
        """Return the receipt of an entry; see `Ledger`."""
        folder, complete, before = self.folder(entry.service), None, -1
        again = f" Then run it again, or `kanarya rollout resume {entry.service}`."
        with _told(f"{entry.service}: its ledger cannot be written, so the rollout stopped", again):
            while (tip := _tip(folder)) != before:
                said = said_before(self._backwards(folder), entry)
                if said:
                    return receipt(said.seq, _read(folder, said.file))
                complete = complete or self._with_digests(entry)
                data = self._record(complete, tip, folder).to_bytes()
                if storage.create(storage.join(folder, file_of(tip + 1)), data):
                    return receipt(tip + 1, data)
                before = tip
            # Somebody was first, and still there is no record: it is a folder, or the like.
            raise PlatformError(f"{storage.join(folder, file_of(tip + 1))} is there, but no file.")

    def newest(self, service: str, rollout: str) -> Record | None:
        """Return the last that was written of a rollout; see `Ledger`."""
        with _told(f"{service}: its ledger cannot be read"):
            records = self._backwards(self.folder(service))
            return next((found for found in records if found.entry.rollout == rollout), None)

    def chain(self, service: str) -> Chain:
        """Return all records of a service; see `Ledger`."""
        folder = self.folder(service)
        with _told(f"{service}: its ledger cannot be read"):
            files = storage.names(folder)
            with ThreadPoolExecutor(_READERS) as pool:
                contents = pool.map(partial(_read, folder), files)
                found = dict(zip(files, contents, strict=True))
        try:
            return _where_now(chained(found, service, self.namespace), self._moves())
        except ValueError as error:
            raise LedgerError(
                f"{folder} is not as it was written: {error}. Compare it with a backup before you "
                "trust it."
            ) from error

    def _record(self, entry: Entry, tip: int, folder: str) -> Record:
        prev = digest(_read(folder, file_of(tip))) if tip else FIRST
        return Record(tip + 1, prev, self.clock(), self.namespace, self.actor, entry)

    def _with_digests(self, entry: Entry) -> Entry:
        """Add what the manifests were when the rollout began: a later change must not pass."""
        last = self.newest(entry.service, entry.rollout)
        if last:
            before = last.entry.before.sha256 if last.entry.before else None
            return with_digests(entry, before, last.entry.to.sha256)
        before = self._sha256(entry.service, entry.before) if entry.before else None
        return with_digests(entry, before, self._now_at(entry.to))

    def _sha256(self, service: str, model: Model) -> str | None:
        records = self._backwards(self.folder(service))
        models = (each for record in records for each in (record.entry.to, record.entry.before))
        known = (each.sha256 for each in models if model.same(each) and each)
        return next(known, None) or self._now_at(model)

    def _backwards(self, folder: str) -> Iterator[Record]:
        """Yield the newest records, the last one first; what is damaged is for `chain` to tell."""
        tip = _tip(folder)
        for seq in range(tip, max(tip - _NEAR, 0), -1):
            place = storage.join(folder, file_of(seq))
            with suppress(ValueError, KeyError, TypeError, RecursionError):
                if place not in self._read_once:
                    record = Record.from_bytes(_read(folder, file_of(seq)))
                    self._read_once[place] = relocated(record, self._moves())
            if place in self._read_once:
                yield self._read_once[place]

    def _moves(self) -> Moves:
        return moved.read(self.place)

    def _now_at(self, model: Model) -> str | None:
        return self.sha256_of(model.uri) if model.uri else None


def _where_now(chain: Chain, moves: Moves) -> Chain:
    return replace(chain, records=tuple(relocated(each, moves) for each in chain.records))


def _tip(folder: str) -> int:
    """Return the highest number there is: a moment ago the one after it was free."""
    return max((seq_of(name) or 0 for name in storage.names(folder)), default=0)


def _read(folder: str, name: str) -> bytes:
    """Return the bytes of a file that was there a moment ago; none are no record either."""
    return storage.read(storage.join(folder, name)) or b""


@contextmanager
def _told(problem: str, then: str = "") -> Iterator[None]:
    try:
        yield
    except LedgerError:
        raise
    except KanaryaError as error:
        raise LedgerError(f"{problem}: {error}{then}") from error
