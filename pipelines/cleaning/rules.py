"""Which versions and runs may go. Pure: what there is and what needs it, to what goes and why not.

Whatever an alias, a service or the ledger's last records name stays, whatever the policy says.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from components.removal import Registered
from pipelines.run_row import KILLED, Row

DAY_S = 86_400.0


@dataclass(frozen=True)
class Policy:
    """What stays at least: so many versions and runs of each model, and all that is younger.

    ledger  records of each service, the newest: every version that they name stays
    """

    versions: int = 5
    runs: int = 20
    ledger: int = 20
    days: float = 30.0


@dataclass(frozen=True)
class Needed:
    """What others need: the texts of all services, and the places that the ledgers name."""

    services: Sequence[str]
    ledgers: frozenset[str]


@dataclass(frozen=True)
class Judged:
    """A version or a run, and why it stays; "": it goes."""

    what: Registered | Row
    stays: str = ""


def judge_versions(
    found: Iterable[Registered], needed: Needed, policy: Policy, now: float
) -> list[Judged]:
    """Return every version, the newest first, with the reason for which it stays, if any."""
    ordered = sorted(found, key=lambda each: (each.name, -int(each.version)))
    ranks = _ranks([each.name for each in ordered])
    return [
        Judged(each, _version_stays(each, rank, needed, policy, now))
        for each, rank in zip(ordered, ranks, strict=True)
    ]


def _version_stays(each: Registered, rank: int, needed: Needed, policy: Policy, now: float) -> str:
    if each.aliases:
        return f"it is {' and '.join(each.aliases)}"
    if any(names(text, each.uri) for text in needed.services):
        return "a service names it"
    if each.uri in needed.ledgers:
        return f"one of the last {policy.ledger} records of its ledger names it"
    if rank < policy.versions:
        return f"it is one of the newest {policy.versions}"
    return _young(each.created, policy, now)


def names(text: str, uri: str) -> bool:
    """Say whether a text names a place: version 1 is not version 12."""
    return bool(uri) and re.search(rf"{re.escape(uri)}(?![\w.-])", text) is not None


def judge_runs(
    found: Iterable[Row], stay: Mapping[str, str], policy: Policy, now: float
) -> list[Judged]:
    """Return every run; `stay`: the runs of the versions that stay, and which version that is."""
    ordered = sorted(found, key=lambda row: (row.model, -row.started))
    ranks = _ranks([row.model for row in ordered])
    return [
        Judged(row, _run_stays(row, rank, stay, policy, now))
        for row, rank in zip(ordered, ranks, strict=True)
    ]


def _run_stays(row: Row, rank: int, stay: Mapping[str, str], policy: Policy, now: float) -> str:
    if not row.ended and row.status != KILLED:
        return f"it is {row.status}"
    if row.run_id in stay:
        return f"{stay[row.run_id]} came of it"
    if rank < policy.runs:
        return f"it is one of the newest {policy.runs}"
    return _young(row.started, policy, now)


def _young(created: float, policy: Policy, now: float) -> str:
    young = now - created < policy.days * DAY_S
    return f"it is younger than {policy.days:g} days" if young else ""


def _ranks(models: Sequence[str]) -> list[int]:
    """Return how many of the same model come before each."""
    counts: Counter[str] = Counter()
    ranks = []
    for model in models:
        ranks.append(counts[model])
        counts[model] += 1
    return ranks
