"""What several commands do about runs: note who starts one, queue it, see to the workers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

import click

from serving import audit
from serving.errors import KanaryaError
from serving.settings import Settings

if TYPE_CHECKING:
    from pipelines.asked import Asked
    from pipelines.processes import Process

F = TypeVar("F", bound=Callable[..., Any])
DOWN = {
    True: "down; `kanarya up` starts its workers",
    False: "off, nothing is run on this machine (KANARYA_QUEUE=0)",
}
"""What is said of a queue without workers, by whether `kanarya up` would start some."""


def queued(command: F) -> F:
    """Give a command the options of what can be queued."""
    command = click.option(
        "--priority", type=int, default=0, help="With --queue: higher ones begin first."
    )(command)
    return click.option(
        "--queue", is_flag=True, help="Do not wait: let a worker run it, and print its id."
    )(command)


def enqueue(asked: Asked, priority: int, *, as_json: bool) -> int:
    """Queue what is asked for, see that there are workers, and print the run's id."""
    from pipelines import enqueue as queueing

    settings = Settings.from_env()
    note(asked, settings)
    run_id = queueing.enqueue(settings, asked, priority=priority)
    click.echo(json.dumps({"run_id": run_id}) if as_json else run_id)
    return 0


def note(asked: Asked, settings: Settings, on: str = "here") -> None:
    """Keep that a person starts this run. Raises PlatformError, and then nothing is started."""
    made_from = " ".join(asked.made_from.values())
    uri = asked.spec.data.uri
    audit.note("run.start", asked.spec.name, settings, data=uri, on=on, made_from=made_from)


def workers_up(settings: Settings) -> Process:
    """Start the queue's workers where there are none."""
    from pipelines import enqueue as queueing

    return queueing.workers_up(settings)


def queue_standing(settings: Settings) -> dict[str, Any]:
    """Return how the queue is doing, without making one where there is none."""
    from pipelines import enqueue as queueing
    from pipelines import workers
    from pipelines.queue import RUNS, WAITS, Queue, path

    supervisor = workers.status(settings).supervisor
    found: dict[str, Any] = {
        "supervisor": asdict(supervisor) if supervisor else None,
        "wanted": queueing.wanted(),
    }
    if not path(settings).exists():
        return {**found, "workers": 1, "paused": False, "running": [], "waiting": 0}
    try:
        queue = Queue(settings)
        view = queue.view()
        queue.close()
    except KanaryaError as error:
        return {**found, "error": str(error)}
    running = [each for each in view.entries if each.state != WAITS]
    return {
        **found,
        "workers": view.workers,
        "paused": view.paused,
        "running": [
            {"run_id": each.run_id, "pid": each.pid, "goes_on": each.state == RUNS}
            for each in running
        ],
        "waiting": len(view.entries) - len(running),
    }


def in_words(standing: dict[str, Any]) -> str:
    """Return what `queue_standing` found, in a line."""
    if "error" in standing:
        return f"queue: {standing['error']}"
    supervisor = standing["supervisor"]
    by = f"pid {supervisor['pid']}" if supervisor else DOWN[standing["wanted"]]
    busy = f"{len(standing['running'])} of {standing['workers']} workers busy"
    paused = ", paused" if standing["paused"] else ""
    return f"queue: {by}, {busy}, {standing['waiting']} waiting{paused}"
