"""`kanarya alerts`: what is wrong now, who is told of it, what waits; silence it for a while."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

import click

from serving.settings import Settings

if TYPE_CHECKING:
    from pipelines.alerts.deciding import Before, Condition, Silence
    from pipelines.alerts.outbox import Delivery, Standing
    from pipelines.alerts.rule import Rule

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def alerts() -> None:
    """See what is wrong and who is told; KANARYA_ALERTS_TO or KANARYA_ALERTS_FILE says whom."""


@alerts.command("list")
@as_json
def list_alerts(as_json: bool) -> None:
    """List what is wrong now, and what would be told if it lasted; `kanarya up` looks at it."""
    from pipelines.alerts import outbox

    settings = Settings.from_env()
    outbox.require(settings)
    with outbox.opened(settings) as found:
        before = found.before()
    if as_json:
        silences = [asdict(each) for each in before.silences]
        conditions = [asdict(each) for each in before.conditions]
        click.echo(json.dumps({"conditions": conditions, "silences": silences}, indent=2))
        return
    for condition in before.conditions:
        click.echo(_line(condition, before, time.time()))
    if not before.conditions:
        click.echo("nothing is wrong")
    for silence in before.silences:
        if silence.until > time.time():
            click.echo(_silence(silence))


@alerts.command()
@click.option("--prometheus", is_flag=True, help="Print a PrometheusRule for `kubectl apply -f -`.")
@as_json
def rules(prometheus: bool, as_json: bool) -> None:
    """List the rules: when they fire, and how bad that is; alerts/rules.toml changes them."""
    from pipelines.alerts import chosen
    from scripts import manifest_rules

    found = chosen.rules(Settings.from_env()).values()
    if prometheus:
        click.echo(manifest_rules.document(found), nl=False)
    elif as_json:
        click.echo(json.dumps([{**asdict(rule), "expr": rule.expr} for rule in found], indent=2))
    else:
        for rule in found:
            click.echo(_rule(rule))


@alerts.command()
@as_json
def test(as_json: bool) -> int:
    """Send a test to everybody who is told, now; exit code 1 where it did not come through."""
    from pipelines.alerts import trying
    from serving import audit

    trying.told()  # a test to nobody is refused before it is recorded
    audit.note("alerts.test", "receivers")
    faults = trying.tried()
    if as_json:
        click.echo(json.dumps({name: why or "delivered" for name, why in faults.items()}))
    else:
        for name, why in faults.items():
            click.echo(f"{name}: {why or 'delivered'}")
    return int(any(faults.values()))


@alerts.command()
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="Of alerts.")
@as_json
def outbox(limit: int, as_json: bool) -> None:
    """Show how it is with everybody who is told, what waits, and what was told last."""
    from pipelines.alerts import outbox as outboxes

    settings = Settings.from_env()
    outboxes.require(settings)
    with outboxes.opened(settings) as found:
        standings, newest = found.standings(), found.deliveries(limit)
    if as_json:
        receivers = [asdict(each) for each in standings]
        known = [{**asdict(each), "alert": each.alert.to_json()} for each in newest]
        click.echo(json.dumps({"receivers": receivers, "deliveries": known}, indent=2))
        return
    for standing in standings:
        click.echo(_receiver(standing))
    for delivery in newest:
        click.echo(_delivery(delivery))
    if not standings:
        click.echo("nobody was ever told anything")


@alerts.command()
@click.argument("rule")
@click.argument("subject", default="")
@click.option("--hours", default=2.0, show_default=True, help="For so long.")
@click.option("--why", default="", help="Why, for whoever asks.")
def silence(rule: str, subject: str, hours: float, why: str) -> None:
    """Tell nobody of RULE (all: `all`) for some hours, of one SUBJECT (as in `list`) or of all.

    What is still wrong afterwards is told then. --hours 0 ends it.
    """
    from pipelines.alerts import silencing
    from serving import audit
    from serving.rollout.actor import actor

    asked, settings = silencing.Quiet(rule, subject, hours, why), Settings.from_env()
    who, now = actor(), time.time()
    silencing.checked(settings, asked, who, now)
    detail = {"about": subject, "hours": f"{hours:g}", "why": why}
    audit.note("alerts.silence", rule, settings, **detail)
    kept = silencing.silence(settings, asked, who, now)
    click.echo(f"silent until {_moment(kept.until)}" if hours else "it is told again")
    if hours and subject and (others := _others(settings, kept)):
        click.echo(f"note: what is wrong now is of {', '.join(others)}, not of {subject!r}")


def _others(settings: Settings, kept: Silence) -> list[str]:
    """Return the subjects of what is wrong now by a silence's rule, where none is its own."""
    from pipelines.alerts import outbox

    with outbox.opened(settings) as found:
        keys = [each.key for each in found.before().conditions]
    subjects = {about for rule, about in keys if kept.rule in ("", rule)}
    return [] if kept.subject in subjects else sorted(subjects)


def standing(settings: Settings) -> str:
    """Return how it is in a line; "" where nothing is wrong, or nobody has looked yet."""
    from pipelines.alerts import outbox
    from pipelines.errors import AlertError

    if not outbox.path(settings).is_file():
        return ""
    try:
        with outbox.opened(settings) as found:
            fires = sum(bool(each.told) for each in found.before().conditions)
    except AlertError as error:
        return f"alerts: {error}"
    noun = "rule fires" if fires == 1 else "rules fire"
    return f"alerts: {fires} {noun}; `kanarya alerts list` says why" if fires else ""


def _rule(rule: Rule) -> str:
    from pipelines.alerts.units import duration, shown

    side = "below" if rule.below else "above"
    lasts = f" for {duration(rule.for_s)}" if rule.for_s else ""
    where = "" if rule.signal.local else "  (Prometheus alone)"
    said = f"{rule.signal.name} {side} {shown(rule.limit, rule.signal.unit)}{lasts}"
    return f"{rule.name:<22} {rule.severity:<9} {said}{where}"


def _line(condition: Condition, before: Before, now: float) -> str:
    state = before.state(condition, now)
    since = _moment(condition.since)
    about = f"{condition.rule} {condition.key[1]}"
    return f"{state:<8} {about:<34} since {since}  {condition.sentence}"


def _silence(found: Silence) -> str:
    about = f"{found.rule or 'every rule'} {found.subject}".rstrip()
    why, who = f": {found.why}" if found.why else "", f" (by {found.who})" if found.who else ""
    return f"silent until {_moment(found.until)}: {about}{why}{who}"


def _receiver(found: Standing) -> str:
    said = f"{found.name}: {found.waiting} wait, {found.delivered} delivered"
    said += f", {found.given_up} given up" if found.given_up else ""
    if not found.failures:
        return said
    return f"{said}; failed {found.failures} times, {found.error}"


def _delivery(found: Delivery) -> str:
    tried = f" ({found.attempts} attempts: {found.error})" if found.error else ""
    return f"  {found.state:<9} {found.alert.at}  {found.alert.sentence} → {found.receiver}{tried}"


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().isoformat(sep=" ", timespec="seconds")
