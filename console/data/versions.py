"""A version of a model: what card, ledger and registry say of it, put together. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from serving.card import Card
from serving.rollout.decision import outcome
from serving.rollout.live import standing, telling
from serving.rollout.record import Record

if TYPE_CHECKING:
    from components.registry import Entry

CHAMPION, PREVIOUS, STAGING = "champion", "previous", "staging"
HEADLINES = ("accuracy", "f1_macro", "roc_auc", "r2", "rmse", "mae")
"""Metrics by which versions are compared at a glance, as far as a model has them."""
NO_METRICS: Mapping[str, float] = {}


@dataclass(frozen=True)
class Rolled:
    """The newest rollout of a version: its id, how it stands (`decision.outcome`), why, since when.

    `run`: the pipeline's run that began it. `undo`: it brought the version back.
    """

    id: str
    outcome: str
    why: str
    at: float
    run: str = ""
    undo: bool = False


@dataclass(frozen=True)
class Version:
    """One version of a model.

    created      seconds since 1970; 0 where nobody knows
    run          the run of the pipeline that made it, "" where nobody knows
    gate         passed or rejected, with its `verdict` and `reasons`; "" where nobody knows
    was_live     it had all of the traffic once, or has it now
    trouble      why its card cannot be read
    """

    name: str
    version: str
    uri: str = ""
    kind: str = ""
    task: str = ""
    runtime: str = ""
    created: float = 0.0
    data_sha256: str = ""
    metrics: Mapping[str, float] = field(default_factory=lambda: NO_METRICS)
    columns: int = 0
    labels: int = 0
    aliases: tuple[str, ...] = ()
    run: str = ""
    gate: str = ""
    verdict: str = ""
    reasons: tuple[str, ...] = ()
    rollout: Rolled | None = None
    was_live: bool = False
    trouble: str = ""

    @property
    def number(self) -> int:
        """The version as a number, by which versions are sorted."""
        return int(self.version) if self.version.isdecimal() else 0

    @property
    def headline(self) -> tuple[str, float] | None:
        """The metric to show where there is room for one."""
        return next(
            ((name, self.metrics[name]) for name in HEADLINES if name in self.metrics), None
        )


@dataclass(frozen=True)
class Model:
    """A model's versions, the newest first; `confirmed`: the registry was asked as well."""

    name: str
    versions: tuple[Version, ...]
    confirmed: bool = False

    def alias(self, alias: str) -> Version | None:
        """Return the version that an alias points to."""
        return next((each for each in self.versions if alias in each.aliases), None)

    def version(self, version: str) -> Version | None:
        """Return a version, None where there is none of that number."""
        return next((each for each in self.versions if each.version == version), None)


def of_card(name: str, version: str, uri: str, card: Card) -> Version:
    """Return what the card says."""
    return Version(
        name,
        version,
        uri,
        kind=card.kind,
        task=card.task,
        runtime=card.runtime,
        created=_seconds(card.created_at),
        data_sha256=card.data_sha256,
        metrics=dict(card.metrics),
        columns=len(card.signature.inputs),
        labels=len(card.signature.labels),
    )


def told(versions: Iterable[Version], records: tuple[Record, ...]) -> tuple[Version, ...]:
    """Add what the ledger knows, and the aliases that follow from it; the newest version first."""
    found = sorted(versions, key=lambda each: each.number, reverse=True)
    rolled, went_live = _rollouts(records), _lives(records)
    aliases = _aliases(records, rolled, found[0].version if found else "")
    return tuple(
        replace(
            each,
            rollout=rolled.get(each.version),
            run=rolled[each.version].run if each.version in rolled else "",
            was_live=each.version in went_live,
            aliases=aliases.get(each.version, ()),
        )
        for each in found
    )


def confirmed(version: Version, entry: Entry, reasons: tuple[str, ...], *, newest: bool) -> Version:
    """Add what the registry knows; its aliases where nothing was decided since it was asked."""
    tags = entry.tags
    return replace(
        version,
        aliases=entry.aliases if newest else version.aliases,
        uri=version.uri or tags.get("kanarya.store_uri", ""),
        kind=version.kind or tags.get("kanarya.kind", ""),
        data_sha256=version.data_sha256 or tags.get("kanarya.data.sha256", ""),
        created=version.created or entry.created.timestamp(),
        gate=tags.get("kanarya.gate", ""),
        verdict=tags.get("kanarya.gate.verdict", ""),
        reasons=reasons,
    )


def _rollouts(records: tuple[Record, ...]) -> dict[str, Rolled]:
    """Return the newest rollout of each version; the run of one that made the version stays."""
    newest: dict[str, list[Record]] = {}
    runs: dict[str, str] = {}
    for record in records:
        entry, version = record.entry, record.entry.to.version
        if not version:
            continue
        runs[version] = entry.run or runs.get(version, "")
        same = newest.setdefault(version, [])
        if same and same[0].entry.rollout != entry.rollout:
            same.clear()
        same.append(record)
    return {version: _rolled(telling(of), runs[version]) for version, of in newest.items()}


def _rolled(record: Record, run: str) -> Rolled:
    entry, at = record.entry, record.at.timestamp()
    return Rolled(entry.rollout, outcome(record), entry.why, at, run, entry.undo)


def _lives(records: tuple[Record, ...]) -> set[str]:
    live = standing(records).live
    known = {live.model.version, *(each.model.version for each in live.older())} if live else set()
    ended = {r.entry.to.version for r in records if r.entry.kind == "promoted"}
    return {version for version in known | ended if version}


def _aliases(
    records: tuple[Record, ...], rolled: Mapping[str, Rolled], newest: str
) -> dict[str, tuple[str, ...]]:
    live = standing(records).live
    found: dict[str, tuple[str, ...]] = {}
    if live and live.model.version:
        found[live.model.version] = (CHAMPION,)
        before = next((each.model.version for each in live.older() if each.model.version), None)
        if before and before != live.model.version:
            found[before] = (PREVIOUS,)
    is_open = newest not in rolled or rolled[newest].outcome in ("under_way", "held", "conflict")
    if newest and newest not in found and is_open:
        found[newest] = (STAGING,)
    return found


def _seconds(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return 0.0
