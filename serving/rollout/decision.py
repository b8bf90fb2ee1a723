"""The decision of one rollout as a JSON object: what was tried, how it went, how to undo it. Pure.

It is read out of the ledger and holds nothing that is not there but the facts about the version:

    format       1
    service, namespace, rollout, run, undo
    from, to     {version, uri, sha256}; from is null where nothing was live
    outcome      promoted, rolled_back, held, conflict, or under_way
    reason       why, in a sentence
    began, ended UTC; ended is null while it is under way or held
    seconds      from the first record to the last
    timeline     [{at, seq, sha256, kind, step, percent, why, actor, holder}], oldest first
    evidence     what it was judged by, oldest first
    version      the registry's tags of the version: run, data's sha256, what the gate said
    commands     {undo: …, history: …}: what to type
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serving.errors import UsageError
from serving.rollout.chain import Chain
from serving.rollout.record import Record, stamp

FORMAT = 1
_ENDED = ("promoted", "rolled_back", "conflict")


def decision(
    chain: Chain, rollout: str | None = None, version: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return the decision on a rollout, by its id or the beginning of it; on the newest without.

    `version` are the registry's tags. Raises UsageError where there is no such rollout.
    """
    records = _of(chain.records, rollout)
    entry, last = records[0].entry, records[-1]
    whole = last.to_json()
    return {
        "format": FORMAT,
        **{key: whole[key] for key in ("service", "namespace", "rollout", "run", "undo")},
        **{key: whole[key] for key in ("from", "to", "evidence")},
        "outcome": outcome(last),
        "reason": last.entry.why,
        "began": stamp(records[0].at),
        "ended": stamp(last.at) if last.entry.kind in _ENDED else None,
        "seconds": round((last.at - records[0].at).total_seconds(), 3),
        "timeline": [_moment(record, chain.digests[record.seq - 1]) for record in records],
        "version": dict(version or {}),
        "commands": {
            "undo": f"kanarya rollout rollback {entry.service}",
            "history": f"kanarya rollout history {entry.service}",
        },
    }


def outcome(last: Record) -> str:
    """Return how a rollout stands after its last record."""
    kind = last.entry.kind
    return kind if kind in (*_ENDED, "held") else "under_way"


def _of(records: tuple[Record, ...], rollout: str | None) -> list[Record]:
    wanted = rollout if rollout is not None else records[-1].entry.rollout if records else ""
    found = [record for record in records if wanted and record.entry.rollout.startswith(wanted)]
    ids = {record.entry.rollout for record in found}
    if len(ids) == 1:
        return found
    known = list(dict.fromkeys(record.entry.rollout[:8] for record in records))[-5:]
    raise UsageError(
        f"{len(ids) or 'no'} rollouts in this ledger have an id that begins with {wanted!r}; the "
        f"newest are {', '.join(reversed(known)) or 'none'}."
    )


def _moment(record: Record, sha256: str) -> dict[str, Any]:
    entry = record.entry
    return {
        "at": stamp(record.at),
        "seq": record.seq,
        "sha256": sha256,
        "kind": entry.kind,
        "step": entry.step,
        "percent": entry.percent,
        "why": entry.why,
        "actor": record.actor,
        "holder": entry.holder,
    }
