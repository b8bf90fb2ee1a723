"""`kanarya audit`: who did what, when; what was changed in it afterwards is named."""

from __future__ import annotations

import json

import click

from serving.settings import Settings


@click.command()
@click.argument("subject", required=False, default="")
@click.option("--who", default="", help="Only what this person or account did.")
@click.option("--since", default="", metavar="TIME", help="Only from then on, as 2026-11-21T10:00.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="The newest.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a line.")
def audit(subject: str, who: str, since: str, limit: int, as_json: bool) -> None:
    """Say who did what to models, runs and services, oldest first; SUBJECT: to one of them.

    Registrations and aliases, everything done on the console, runs that commands start, what they
    change of queue, alerts, retraining and schedules, and what rollouts decided.
    """
    from pipelines.actions import HEAD, Wanted, done
    from scripts.history import read_moment
    from serving.rollout.record import stamp

    moment = stamp(read_moment(since, "--since")) if since else ""
    for action in done(Settings.from_env(), Wanted(who, subject, moment))[-limit:]:
        if as_json:
            click.echo(json.dumps(action, ensure_ascii=False))
            continue
        more = "  ".join(f"{key}={value}" for key, value in action.items() if key not in HEAD)
        at, whose, what, to = (str(action[key]) for key in HEAD)
        click.echo(f"{at[:19]}Z  {whose:<24} {what:<22} {to}  {more}".rstrip())
