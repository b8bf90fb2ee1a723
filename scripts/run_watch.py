"""`kanarya runs watch`: a run to its end, of this machine or of a cluster, as `run` shows it."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import click

from components.telling import NOTE
from pipelines import run_events, run_row
from pipelines.errors import QueueError
from pipelines.journal import Result, RunFolder, Step
from pipelines.run_events import BegunAgain, Event, LogLine
from pipelines.step_log import Note
from scripts.cluster_options import host, namespace, opened
from scripts.progress import Progress
from scripts.run_cluster import told
from scripts.run_folders import folder_of
from serving.errors import UsageError
from serving.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

LOOK_S, PATIENCE_S = 0.25, 10.0
"""Seconds between two looks, and those for which a run without a process may wait for another."""


@click.command()
@click.argument("run", metavar="RUN")
@click.option(
    "--on",
    "engine",
    type=click.Choice(["local", "cluster"]),
    help="Where  [default: local where this machine has it, else cluster]",
)
@host
@namespace
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def watch(run: str, engine: str | None, as_json: bool, **there: Any) -> int:
    """Watch a run to its end; the exit codes are those of `kanarya run`. Ctrl-C leaves it going."""
    if engine == "local" and any(there.values()):
        raise UsageError("--host and --namespace are of a cluster: add --on cluster")
    local = engine == "local" or (engine is None and not any(there.values()) and _is_here(run))
    if not local:
        from scripts.run_cluster import find_and_watch

        return find_and_watch(opened(there["host"], there["namespace"]), run, as_json=as_json)
    progress = Progress(quiet=as_json)
    try:
        return told(_followed(RunFolder(folder_of(run)), progress), progress, as_json=as_json)
    except KeyboardInterrupt:
        again = f"`kanarya runs watch {run}` shows it again"
        click.echo(f"the run goes on; {again}, `kanarya queue cancel {run}` ends it", err=True)
        raise


def _is_here(run: str) -> bool:
    return (Settings.from_env().home / "runs" / run / "arguments.json").is_file()


def _followed(folder: RunFolder, progress: Progress) -> Result:
    """Show what has happened and what happens; return how it ended. Raises QueueError."""
    arguments = json.loads((folder.path / "arguments.json").read_text(encoding="utf-8"))
    if {"data_uri", "model_kind"} <= set(arguments):
        progress.begin(folder.run_id, arguments)
    follower, wait = run_events.Follower(folder), _unless_killed(folder)
    while True:
        for event in _in_order(follower.poll()):
            _tell(event, progress)
        if follower.ended:
            return run_events.result(folder)
        wait(LOOK_S)


def _in_order(events: Iterable[Event]) -> Iterator[Event]:
    """Yield what each step said before the step's end, which may come in one look with it."""
    events = list(events)
    said = [each for each in events if isinstance(each, LogLine)]
    for event in events:
        if isinstance(event, Step) and event.ended is not None:
            yield from (line for line in said if line.step == event.name)
            said = [line for line in said if line.step != event.name]
        if not isinstance(event, LogLine):
            yield event
    yield from said


def _tell(event: Event, progress: Progress) -> None:
    if isinstance(event, Step):
        progress.tell(event)
    elif isinstance(event, LogLine) and event.text.startswith(NOTE):
        progress.tell(Note(event.step, event.text.removeprefix(NOTE)))
    elif isinstance(event, BegunAgain):
        progress.line(f"its process was killed; this is attempt {event.attempt}")


def _unless_killed(
    folder: RunFolder, clock: Callable[[], float] = time.monotonic
) -> Callable[[float], None]:
    """Return what waits for a run, and raises QueueError where nobody carries it out any more."""
    lived = clock()

    def wait(seconds: float) -> None:
        nonlocal lived
        row = run_row.read(folder)
        if row is None or row.status not in (run_row.KILLED, run_row.DAMAGED):
            lived = clock()
        elif clock() - lived > PATIENCE_S:
            why = row.sentence or "its process was killed; `kanarya runs restart` repeats it"
            raise QueueError(f"{folder.run_id}: {why}")
        time.sleep(seconds)

    return wait
