"""All that was done to an installation: people's and programs' actions, and what rollouts decided.

Each is kept once: a rollout's decisions in its ledger, everything else by `serving.audit`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from serving import audit, storage
from serving.rollout.ledger import StoredLedger
from serving.rollout.record import Record, stamp
from serving.settings import Settings

Action = dict[str, Any]
HEAD = ("at", "who", "action", "subject")
"""What every action has; everything else says more of it."""


@dataclass(frozen=True)
class Wanted:
    """Which actions: of whom, to what, since which moment (RFC 3339, UTC); "": all."""

    who: str = ""
    subject: str = ""
    since: str = ""

    def holds(self, action: Action) -> bool:
        """Say whether an action is one of them; a person is known with and without machine."""
        whose = str(action["who"])
        named = not self.who or self.who in (whose, whose.partition("@")[0])
        about = not self.subject or self.subject in str(action["subject"]).split()
        return named and about and str(action["at"]) >= self.since


def done(settings: Settings, wanted: Wanted = Wanted()) -> list[Action]:
    """Return the actions, oldest first. Raises AuditError or LedgerError where one was changed."""
    found = [*audit.log_of(settings).records(), *_decided(settings)]
    return sorted(filter(wanted.holds, found), key=lambda action: str(action["at"]))


def _decided(settings: Settings) -> Iterator[Action]:
    for folder in storage.folders(settings.ledger):
        service, _, namespace = folder.partition(".")
        ledger = StoredLedger(settings.ledger, namespace or "default")
        yield from map(_action, ledger.chain(service).records)


def _action(record: Record) -> Action:
    entry = record.entry
    told = {"version": entry.to.version, "percent": entry.percent, "why": entry.why}
    known = {**told, "run": entry.run, "rollout": entry.rollout}
    return {
        "at": stamp(record.at),
        "who": record.actor,
        "action": f"rollout.{entry.kind}",
        "subject": entry.service,
        **{key: str(value) for key, value in known.items() if value not in (None, "")},
    }
