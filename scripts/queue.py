"""`kanarya queue`: what runs and what waits on this machine; pause, resume, cancel, how many."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from serving import audit
from serving.settings import Settings

if TYPE_CHECKING:
    from pipelines.queue import Entry, Queue, View

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def queue() -> None:
    """See what runs and what waits, and steer it; `kanarya run SPEC --queue` adds a run."""


@queue.command("list")
@as_json
def list_queue(as_json: bool) -> None:
    """List what runs, and what waits in the order in which it will begin."""
    from pipelines import workers

    settings = Settings.from_env()
    with _opened(settings) as found:
        view = found.view()
    supervisor = workers.status(settings).supervisor
    if as_json:
        known = {**asdict(view), "supervisor": asdict(supervisor) if supervisor else None}
        click.echo(json.dumps(known, indent=2))
        return
    paused = "; paused, `kanarya queue resume` goes on" if view.paused else ""
    down = "" if supervisor else "; no worker is up, `kanarya up` starts them"
    click.echo(f"{_count(view)}{paused}{down}")
    for entry in view.entries:
        click.echo(_line(entry))


@queue.command()
@as_json
def pause(as_json: bool) -> None:
    """Begin no other run; those that run go on."""
    with _opened() as found:
        audit.note("pause", "queue")
        found.pause()
        _say(found, "paused; what runs goes on", as_json)


@queue.command()
@as_json
def resume(as_json: bool) -> None:
    """Begin runs again."""
    with _opened() as found:
        audit.note("resume", "queue")
        found.resume()
        _say(found, "resumed", as_json)


@queue.command()
@click.argument("number")
@as_json
def workers(number: str, as_json: bool) -> None:
    """Let so many runs go on at once; what runs is not ended."""
    from pipelines.queue_rules import checked_workers

    wanted = checked_workers("NUMBER", number)
    with _opened() as found:
        audit.note("workers", "queue", number=str(wanted))
        found.set_workers(wanted)
        _say(found, f"{wanted} at once", as_json)


@queue.command()
@click.argument("run_id", metavar="RUN")
@as_json
def cancel(run_id: str, as_json: bool) -> None:
    """Take a run out of the queue, or end it where it runs."""
    with _opened() as found:
        if any(entry.run_id == run_id for entry in found.view().entries):
            audit.note("cancel", run_id)
        state = found.cancel(run_id)
    click.echo(json.dumps({"run_id": run_id, "state": state}) if as_json else state)


@queue.command()
@as_json
def repair(as_json: bool) -> None:
    """Make a damaged database of the queue anew, from the folders of the runs."""
    from pipelines.queue import repair as make_anew

    aside, waiting = make_anew(Settings.from_env())
    if as_json:
        known = {"aside": str(aside) if aside else None, "waiting": waiting}
        click.echo(json.dumps(known))
        return
    kept = f"; the old one is {aside}" if aside else ""
    click.echo(f"{waiting} runs wait{kept}")


@contextmanager
def _opened(settings: Settings | None = None) -> Iterator[Queue]:
    from pipelines.queue import Queue

    found = Queue(settings or Settings.from_env())
    try:
        yield found
    finally:
        found.close()


def _say(found: Queue, sentence: str, as_json: bool) -> None:
    view = found.view()
    known = {"paused": view.paused, "workers": view.workers}
    click.echo(json.dumps(known) if as_json else sentence)


def _count(view: View) -> str:
    busy = sum(entry.since is not None for entry in view.entries)
    waiting = len(view.entries) - busy
    return f"{busy} of {view.workers} workers busy, {waiting} waiting"


def _line(entry: Entry) -> str:
    seconds = time.time() - (entry.since or entry.queued_at)
    notes = [f"{entry.state} for {seconds:.0f} s"]
    notes += [f"after {entry.waits_for}"] if entry.waits_for else []
    notes += [f"priority {entry.priority}"] if entry.priority else []
    notes += [f"attempt {entry.attempt}"] if entry.attempt > 1 else []
    notes += [f"being cancelled by {entry.cancelled_by}"] if entry.cancelled_by else []
    return f"  {entry.run_id:<40} {', '.join(notes)}"
