"""Is the ledger whole? Pure: the files of one service in, their records or what is wrong out.

Every record holds the sha256 of the one before, so a change shows at its successor; the newest
has none, which is why a rollout keeps its number and sha256 in the InferenceService as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from serving.rollout.record import FIRST, Record, digest, file_of, seq_of

_TOLD = 5


@dataclass(frozen=True)
class Chain:
    """The records of one service, oldest first, and the sha256 of each one's file."""

    records: tuple[Record, ...] = ()
    digests: tuple[str, ...] = ()

    def holds(self, receipt: str) -> bool:
        """Say whether the record that a receipt (`<seq>:<sha256>`) stands for is in the chain."""
        seq, _, sha256 = receipt.partition(":")
        return seq.isdigit() and self.digests[int(seq) - 1 : int(seq)] == (sha256,)


def receipt(seq: int, data: bytes) -> str:
    """Return what proves later on that this record was there: `<seq>:<sha256>`."""
    return f"{seq}:{digest(data)}"


def chained(files: Mapping[str, bytes], service: str, namespace: str) -> Chain:
    """Return the chain that the files are; raises ValueError naming every file that is wrong."""
    found = _strangers(files)
    ours = sorted(seq for seq in map(seq_of, files) if seq is not None)
    found += _gaps(ours)
    records: dict[int, Record] = {}
    for seq in ours:
        try:
            records[seq] = _belonging(
                Record.from_bytes(files[file_of(seq)]), seq, service, namespace
            )
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            found.append(f"{file_of(seq)} {_reason(error)}")
    found += _breaks(files, records)
    if found:
        raise ValueError(_listed(found))
    digests = tuple(digest(files[file_of(seq)]) for seq in ours)
    return Chain(tuple(records[seq] for seq in ours), digests)


def _strangers(files: Mapping[str, bytes]) -> list[str]:
    return [f"{name} is no record of a ledger" for name in sorted(files) if seq_of(name) is None]


def _gaps(ours: Sequence[int]) -> list[str]:
    missing: list[str] = []
    for before, after in pairwise([0, *ours]):
        if after - before == 2:
            missing.append(f"{file_of(before + 1)} is missing")
        elif after - before > 2:
            missing.append(f"{file_of(before + 1)} to {file_of(after - 1)} are missing")
    return missing


class _Foreign(ValueError):
    """A whole record that does not belong where it is."""


def _belonging(record: Record, seq: int, service: str, namespace: str) -> Record:
    if (record.entry.service, record.namespace) != (service, namespace):
        raise _Foreign(f"is of the service {record.entry.service} in {record.namespace}")
    if record.seq != seq:
        raise _Foreign(f"is a copy of {record.file}")
    return record


def _reason(error: Exception) -> str:
    if isinstance(error, _Foreign):
        return str(error)
    missing = f"it has no {error}" if isinstance(error, KeyError) else str(error)
    return f"was changed: it cannot be read ({missing})"


def _breaks(files: Mapping[str, bytes], records: Mapping[int, Record]) -> list[str]:
    """Return which records are not what was written, judged by the links before and after them.

    One whose link backwards is broken as well as the next one's is itself the changed one. Links
    to a file that is missing or unreadable say no more than that.
    """
    broken = {seq for seq, record in records.items() if not _linked(files, records, record)}
    return [_broken(seq, broken, records) for seq in sorted(broken) if seq - 1 not in broken]


def _linked(files: Mapping[str, bytes], records: Mapping[int, Record], record: Record) -> bool:
    if record.seq == 1:
        return record.prev == FIRST
    if record.seq - 1 not in records:
        return True
    return record.prev == digest(files[file_of(record.seq - 1)])


def _broken(seq: int, broken: set[int], records: Mapping[int, Record]) -> str:
    this, before = file_of(seq), file_of(seq - 1)
    if seq == 1 or seq + 1 in broken:
        return f"{this} was changed: it does not follow {before if seq > 1 else 'nothing'}"
    if seq + 1 in records:
        return f"{before} was changed: its sha256 is not the one that {this} holds"
    return f"{before} or {this} was changed: the sha256 of the first is not the one in the second"


def _listed(found: Sequence[str]) -> str:
    more = f"; and {len(found) - _TOLD} more" if len(found) > _TOLD else ""
    return "; ".join(found[:_TOLD]) + more
