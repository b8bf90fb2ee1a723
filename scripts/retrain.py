"""`kanarya retrain`: what a spec's policy decides now about training the live model again."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from serving.errors import UsageError
from serving.settings import Settings

if TYPE_CHECKING:
    from pipelines.retrain.job import Done
    from pipelines.retrain.models import Model


@click.command()
@click.argument("name")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.option("--now", "at_once", is_flag=True, help="Whatever triggers, cooldown and budget say.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def retrain(name: str, dry_run: bool, at_once: bool, as_json: bool) -> None:
    """Decide by its spec's `retrain` whether a live model is to be trained again, and queue it.

    The watcher of `kanarya up` does the same by itself, twice a minute.
    """
    from pipelines.queue import whoever
    from pipelines.retrain.job import queued, settle

    settings = Settings.from_env()
    by = whoever() if at_once else ""
    start = None if dry_run else queued(settings)
    done = settle(settings, _live(settings, name), datetime.now(UTC), start, by)
    click.echo(json.dumps(asdict(done), indent=2) if as_json else _told(done, dry_run))


def _live(settings: Settings, name: str) -> Model:
    from pipelines.retrain.models import model
    from serving.isvc.client import connect

    view = connect(settings.kubeconfig, settings.namespace).get(name)
    found = model(settings, view) if view else None
    if found is None:
        raise UsageError(f"there is no live model {name!r}; `kanarya status` shows those there are")
    return found


def _told(done: Done, dry_run: bool) -> str:
    decision = done.decision
    words = f"{done.model}, version {done.version}: {decision.verdict}: {decision.sentence}"
    if done.run_id:
        return f"{words}\n{done.run_id} is queued"
    would = dry_run and decision.verdict == "retrain"
    return f"{words}\nwithout --dry-run it is queued" if would else words
