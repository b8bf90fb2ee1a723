"""`kanarya retrain`: what a spec's policy decides now about training the live model again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scripts.cluster_options import on_cluster, refuse_there_only
from serving.errors import UsageError
from serving.settings import Settings

if TYPE_CHECKING:
    from pipelines.asked import Asked
    from pipelines.retrain.job import Done, Start
    from pipelines.retrain.models import Model


@click.command()
@click.argument("name", metavar="NAME|SPEC")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.option("--now", "at_once", is_flag=True, help="Whatever triggers, cooldown and budget say.")
@click.option("--pause", is_flag=True, help="Start none of this model by itself until --resume.")
@click.option("--resume", is_flag=True, help="Start them by themselves again.")
@click.option("--upload-data", is_flag=True, help="On a cluster: copy the data to the store first.")
@on_cluster
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def retrain(name: str, dry_run: bool, engine: str, as_json: bool, **asked: Any) -> None:
    r"""Decide by its spec's `retrain` whether a live model is to be trained again, and start it.

    \b
    kanarya retrain iris --dry-run
    kanarya retrain iris.yaml --on cluster      from a CronJob or a CI, again and again

    Here the watcher of `kanarya up` does the same by itself, twice a minute.
    """
    from pipelines.queue import whoever

    _refuse(engine, asked)
    by = whoever() if asked["at_once"] else ""
    if engine == "cluster":
        from scripts.retrain_cluster import settle_there

        done = settle_there(Path(name), asked, dry_run=dry_run, asked_by=by)
    else:
        done = _settled(name, asked, dry_run=dry_run, asked_by=by)
    click.echo(json.dumps(asdict(done), indent=2) if as_json else _told(done, dry_run=dry_run))
    if not (as_json or dry_run) and (asked["pause"] or asked["resume"]):
        click.echo(_standing(name, paused=asked["pause"]))


def _refuse(engine: str, asked: dict[str, Any]) -> None:
    """Refuse what does not go together."""
    refuse_there_only(engine, asked)
    if asked["pause"] and asked["resume"]:
        raise UsageError("--pause and --resume: say one of them")
    if engine == "cluster" and (asked["pause"] or asked["resume"]):
        raise UsageError(
            "--pause and --resume are for models of this machine; on a cluster suspend what calls "
            "this command"
        )


def _settled(name: str, asked: Mapping[str, Any], *, dry_run: bool, asked_by: str) -> Done:
    from pipelines.retrain.job import settle

    settings = Settings.from_env()
    model = _live(settings, name)
    if not dry_run:
        _pause(settings, name, pause=asked["pause"], resume=asked["resume"])
    start = None if dry_run else _recorded(settings, name)
    return settle(settings, model, datetime.now(UTC), start, asked_by)


def _recorded(settings: Settings, name: str) -> Start:
    """Return what records who starts a run, and then puts it on the queue."""
    from pipelines.retrain.job import queued
    from serving import audit

    start = queued(settings)

    def begun(asked: Asked) -> str:
        audit.note("retrain.start", name, settings, why=asked.why)
        return start(asked)

    return begun


def _pause(settings: Settings, name: str, *, pause: bool, resume: bool) -> None:
    from pipelines.queue import whoever
    from pipelines.retrain import pause as pausing
    from serving import audit

    if pause:
        audit.note("retrain.pause", name, settings)
        pausing.pause(settings, name, whoever())
    if resume:
        audit.note("retrain.resume", name, settings)
        pausing.resume(settings, name)


def _live(settings: Settings, name: str) -> Model:
    from pipelines.retrain.models import model
    from serving.isvc.client import connect

    view = connect(settings.kubeconfig, settings.namespace).get(name)
    found = model(settings, view) if view else None
    if found is None:
        raise UsageError(f"there is no live model {name!r}; `kanarya status` shows those there are")
    return found


def _standing(name: str, *, paused: bool) -> str:
    if paused:
        return f"paused: none is started by itself until `kanarya retrain {name} --resume`"
    return f"resumed: they are started by themselves; `kanarya retrain {name} --pause` stops that"


def _told(done: Done, *, dry_run: bool) -> str:
    decision = done.decision
    words = f"{done.model}, version {done.version}: {decision.verdict}: {decision.sentence}"
    if done.run_id:
        return f"{words}\n{done.run_id} is started"
    would = dry_run and decision.verdict == "retrain"
    return f"{words}\nwithout --dry-run it is started" if would else words
