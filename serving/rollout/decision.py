"""The decision of one rollout as a JSON object: what was tried, how it went, how to undo it. Pure.

It is read out of the ledger and holds nothing that is not there but the facts about the version.
What nobody recorded is left out:

    format       1
    service, namespace, rollout, run, undo
    from, to     {version, uri, sha256}; from is null where nothing was live
    outcome      promoted, rolled_back, failed (it did not come up, and nothing was live), held,
                 conflict, or under_way
    reason       why, in a sentence
    began, ended UTC; ended is null while it is under way or held
    seconds      from the first record to the last
    timeline     [{at, seq, sha256, kind, step, percent, why, actor, holder}], oldest first
    evidence     what it was judged by, oldest first
    policy       the rollout's limits, as it began with them
    measured     [{at, seq, …}]: the numbers behind each verdict (`serving.rollout.measured`)
    version      the registry's tags of the version: run, data's sha256, what the gate said
    data, gate, servability    what is recorded of them (`components.recorded`)
    commands     {undo: …, history: …}: what to type
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serving.errors import UsageError
from serving.rollout.chain import Chain
from serving.rollout.live import telling
from serving.rollout.record import Record, stamp

FORMAT = 1
_ENDED = ("promoted", "rolled_back", "conflict")


def decision(
    chain: Chain, rollout: str | None = None, recorded: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the decision on a rollout, by its id or the beginning of it; on the newest without.

    `recorded`: what else is known of the version: `version`, `data`, `gate`, `servability`. Raises
    UsageError where there is no such rollout.
    """
    records = rollout_of(chain, rollout)
    entry, last = records[0].entry, telling(records)
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
        **_numbers(records),
        "version": {},
        **(recorded or {}),
        "commands": {
            "undo": f"kanarya rollout rollback {entry.service}",
            "history": f"kanarya rollout history {entry.service}",
        },
    }


def outcome(last: Record) -> str:
    """Return how a rollout stands after the record that tells it."""
    kind = last.entry.kind
    if kind == "rolled_back" and last.entry.before is None:
        return "failed"
    return kind if kind in (*_ENDED, "held") else "under_way"


def rollout_of(chain: Chain, rollout: str | None = None) -> list[Record]:
    """Return the records of one rollout, by the beginning of its id; of the newest without.

    Raises UsageError where there is none or more than one.
    """
    records = chain.records
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


def _numbers(records: list[Record]) -> dict[str, Any]:
    policies = [dict(record.entry.policy) for record in records if record.entry.policy]
    measured = [
        {"at": stamp(record.at), "seq": record.seq, **record.entry.measured}
        for record in records
        if record.entry.measured
    ]
    return {**({"policy": policies[0]} if policies else {}), "measured": measured}


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
