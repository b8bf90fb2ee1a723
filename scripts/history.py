"""`kanarya rollout history`: what the ledger says, as people and programs want to read it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from serving.errors import KanaryaError, UsageError
from serving.settings import Settings

if TYPE_CHECKING:
    from serving.rollout.chain import Chain
    from serving.rollout.live import Standing
    from serving.rollout.record import Model, Record
    from serving.rollout.world import World


def tell_all(name: str, *, as_json: bool) -> None:
    """Print every record, oldest first."""
    for record in _chain(name).records:
        if as_json:
            click.echo(json.dumps(record.to_json()))
            continue
        for line in lines(record):
            click.echo(line)


def tell_moment(name: str, moment: str, *, as_json: bool) -> None:
    """Print which version was live at a moment, since when and why."""
    from serving.rollout.live import standing

    at = read_moment(moment)
    found = standing(_chain(name).records, at)
    if as_json:
        click.echo(json.dumps(as_value(found, at), indent=2))
        return
    for line in answer(name, found, at):
        click.echo(line)


def tell_decision(name: str, rollout: str | None, *, as_json: bool) -> None:
    """Print what was decided on one rollout, with what is on record of its version."""
    from serving.pages import plain
    from serving.rollout.card.build import card

    found = _decided(name, rollout)
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    for line in plain.lines(card(found)):
        click.echo(line)


def write_card(name: str, rollout: str | None, path: Path) -> None:
    """Write the decision card of one rollout as an HTML file."""
    from serving.pages.page import html
    from serving.rollout.card.build import card
    from serving.storage import partial

    page = html(card(_decided(name, rollout)))
    with partial(path) as unfinished:
        unfinished.write_text(page, encoding="utf-8")
    click.echo(f"wrote {path}", err=True)


def keep_card(world: World, name: str) -> None:
    """Renew the card of the newest rollout where its version keeps it; what is away is told."""
    from pipelines.deciding import renew_card

    try:
        renew_card(world, name)
    except KanaryaError as error:
        click.echo(f"the decision card is as it was: {error}", err=True)


def _decided(name: str, rollout: str | None) -> dict[str, Any]:
    """Return the decision on a rollout; where MLflow is away, what the ledger alone knows of it."""
    from components.decisions import decided
    from components.errors import TrackingError
    from serving.rollout.decision import decision

    chain = _chain(name)
    try:
        return decided(chain, rollout)
    except TrackingError as error:
        click.echo(f"only what the ledger knows: {error}", err=True)
        return decision(chain, rollout)


def verify(name: str, world: World, *, as_json: bool) -> None:
    """Compare the ledger with the service's receipt, and the models that were live with theirs.

    The records are verified whenever they are read. Raises LedgerError and ModelError.
    """
    from serving.rollout.ledger import LedgerError
    from serving.rollout.live import standing
    from serving.rollout.manual import status
    from serving.rollout.undo import missing

    chain, receipt = world.ledger.chain(name), status(world, name).ledger
    if receipt and not chain.holds(receipt):
        raise LedgerError(missing(name, receipt))
    live = standing(chain.records).live
    models = [live.model, *(older.model for older in live.older())] if live else []
    known = [model for model in models if model.uri and model.sha256]
    _refuse_changed(name, known)
    unknown = len(models) - len(known)
    rest = f"; of {unknown} no sha256 is known" if unknown else ""
    click.echo(
        f"{name}: {len(chain.records)} records, each follows the one before, and the service knows "
        f"the newest; with the bytes they had: {len(known)} of {len(models)} models that are or "
        f"were live{rest}",
        err=as_json,
    )


def _refuse_changed(name: str, models: list[Model]) -> None:
    from serving.errors import ModelError
    from serving.published import check_unchanged

    changed: list[str] = []
    for model in models:
        try:
            check_unchanged(model.uri or "", model.sha256 or "")
        except ModelError as error:
            changed.append(f"{model}: {error}")
    if changed:
        raise ModelError(f"{name}: {' '.join(changed)}")


def read_moment(text: str, option: str = "--at") -> datetime:
    """Return the moment that a person means; without an offset it is local time."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"{option} {text!r} is no time: give 2026-11-21, 2026-11-21T14:30 or "
            "2026-11-21T14:30:00+03:00."
        ) from error


def lines(record: Record) -> list[str]:
    """Return a record for people: when, what, by whom, and under it why and on what grounds."""
    entry = record.entry
    share = "" if entry.percent is None else f"{entry.percent} %"
    title = f"{shown(record.at)}  {entry.kind.replace('_', ' '):<12}{share:>5}  {entry.to}"
    run = f", run {entry.run}" if entry.run else ""
    grounds = [f"      {line}" for line in entry.evidence] if entry.kind in _ENDS else []
    return [f"{title}  ({record.actor}{run})", f"    {entry.why}", *grounds]


_ENDS = ("promoted", "rolled_back", "held")


def answer(name: str, found: Standing, at: datetime) -> list[str]:
    """Return what was live, in sentences."""
    live, newest = found.live, found.newest
    if newest is None:
        return [f"{name}: at {shown(at)} nothing was in its ledger yet"]
    said = [f"{name}: at {shown(at)} nothing was live"]
    if live and live.record:
        by = f"by {live.record.actor}, record {live.record.seq}"
        said = [f"{name}: at {shown(at)} {live.model} was live, since {shown(live.record.at)} {by}"]
        said += [f"  {live.record.entry.why}", *(f"  {x}" for x in live.record.entry.evidence)]
    elif live:
        said = [f"{name}: at {shown(at)} {live.model} was live, since before its ledger"]
    beside = found.beside
    if beside:
        share = f" with {beside.entry.percent} % of the traffic" if beside.entry.percent else ""
        kind = beside.entry.kind.replace("_", " ")
        said.append(f"  {beside.entry.to} was being rolled out{share} ({kind}): {beside.entry.why}")
    elif newest.entry.kind == "conflict":
        said.append(f"  a rollout had given way just before: {newest.entry.why}")
    return said


def as_value(found: Standing, at: datetime) -> dict[str, Any]:
    """Return the same as JSON."""
    live, beside = found.live, found.beside
    return {
        "at": at.isoformat(),
        "live": _model(live.model) if live else None,
        "record": live.record.to_json() if live and live.record else None,
        "beside": beside.to_json() if beside else None,
    }


def shown(at: datetime) -> str:
    """Return a moment in local time, with its offset."""
    return at.astimezone().isoformat(sep=" ", timespec="seconds")


def _model(model: Model) -> dict[str, str | None]:
    return {"version": model.version, "uri": model.uri, "sha256": model.sha256}


def _chain(name: str) -> Chain:
    from serving.rollout.ledger import StoredLedger

    settings = Settings.from_env()
    chain = StoredLedger(settings.ledger, settings.namespace).chain(name)
    if not chain.records:
        raise KanaryaError(f"{name} has no records in {settings.ledger}; `kanarya run` makes them.")
    return chain
