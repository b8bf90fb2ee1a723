"""A ledger that is a list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from serving.rollout.chain import Chain, chained, receipt
from serving.rollout.ledger import LedgerError
from serving.rollout.record import FIRST, Entry, Model, Record, digest, said_before, with_digests

START = datetime(2026, 11, 21, 12, tzinfo=UTC)


@dataclass
class FakeLedger:
    clock: Callable[[], float] = lambda: 0.0
    namespace: str = "test"
    records: list[Record] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)
    full: bool = False

    def append(self, entry: Entry) -> str:
        if self.full:
            raise LedgerError(f"{entry.service}: its ledger cannot be written (disk full)")
        said = said_before(reversed(self.records), entry)
        if said is None:
            before = self.digest(entry.before) if entry.before else None
            said = self._record(with_digests(entry, before, self.digest(entry.to)))
            self.records.append(said)
        return receipt(said.seq, said.to_bytes())

    def _record(self, entry: Entry) -> Record:
        prev = digest(self.records[-1].to_bytes()) if self.records else FIRST
        at = datetime.fromtimestamp(self.clock(), UTC)
        return Record(len(self.records) + 1, prev, at, self.namespace, "ada@laptop", entry)

    def digest(self, model: Model) -> str | None:
        return self.digests.get(model.uri or "")

    def newest(self, service: str, rollout: str) -> Record | None:
        found = (each for each in reversed(self.records) if each.entry.rollout == rollout)
        return next(found, None)

    def chain(self, service: str) -> Chain:
        try:
            files = {each.file: each.to_bytes() for each in self.records}
            return chained(files, service, self.namespace)
        except ValueError as error:
            raise LedgerError(str(error)) from error

    # What tests ask

    def kinds(self, version: str | None = None) -> list[str]:
        """What was written, in order; of one version."""
        entries = [record.entry for record in self.records]
        return [e.kind for e in entries if version is None or e.to.version == version]
