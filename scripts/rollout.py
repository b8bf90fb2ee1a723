"""`kanarya rollout`: watch a rollout, go on with it, decide it by hand, undo it, look it up."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from serving.settings import Settings

if TYPE_CHECKING:
    from serving.rollout.outcome import Event, Outcome
    from serving.rollout.state import Rollout
    from serving.rollout.world import World

_PATH = click.Path(path_type=Path, dir_okay=False)
EXIT = {
    "promoted": 0,
    "held": 0,
    "under_way": 0,
    "failed": 1,
    "rolled_back": 4,
    "conflict": 5,
}
ENDS = frozenset({"bad", "promoted", "rolled_back"})
"""Events that the last line tells, with how it ended."""


@click.group()
def rollout() -> None:
    """Watch, decide or undo a rollout; say what was live when, and why."""


@rollout.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(name: str, as_json: bool) -> None:
    """Say where the newest rollout of a service stands, and why."""
    from serving.rollout import manual

    state = manual.status(_world(), name)
    if as_json:
        click.echo(json.dumps(json.loads(state.to_json()), indent=2))
        return
    for line in _told(state):
        click.echo(line)


@rollout.command()
@click.argument("name")
def watch(name: str) -> None:
    """Print where a rollout stands whenever it changes, until it ends."""
    from serving.rollout import manual
    from serving.rollout.state import Phase

    world, before = _world(), None
    while True:
        state = manual.status(world, name)
        if (standing := _standing(state)) != before:
            click.echo(standing)
            before = standing
        if state.over or state.phase is Phase.HELD:
            click.echo(state.reason)
            return
        time.sleep(0.5)


@rollout.command()
@click.argument("name")
def resume(name: str) -> int:
    """Go on with a rollout that is paused or held, or whose process was killed."""
    from serving.rollout import manual

    return _decide(manual.resume, name)


@rollout.command()
@click.argument("name")
def hold(name: str) -> int:
    """Keep the split as it is until `resume`; a canary that turns bad is rolled back."""
    from serving.rollout import manual

    return _decide(manual.hold, name)


@rollout.command()
@click.argument("name")
def approve(name: str) -> int:
    """Let a rollout enter the step that waits for a person."""
    from serving.rollout import manual

    return _decide(manual.approve, name)


@rollout.command()
@click.argument("name")
def promote(name: str) -> int:
    """Give the canary all of the traffic now."""
    from serving.rollout import manual

    return _decide(manual.promote, name)


@rollout.command()
@click.argument("name")
def abort(name: str) -> int:
    """Give the stable version all of the traffic back and end the rollout."""
    from serving.rollout import manual

    return _decide(manual.abort, name)


@rollout.command()
@click.argument("name")
@click.option("--to", "version", help="Go back to this version, which was live before.")
@click.option("--levels", type=click.IntRange(min=1), help="Go back so many versions  [default: 1]")
def rollback(name: str, version: str | None, levels: int | None) -> int:
    """Go back to the version that was live before; twice goes two back."""
    from serving.rollout.undo import Wish
    from serving.rollout.undo import rollback as undo

    if version is not None and levels is not None:
        raise click.UsageError("give --to or --levels, not both")
    wish = Wish(levels or 1, version)
    return _decide(lambda world, service: undo(world, service, wish), name)


@rollout.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one record a line.")
@click.option("--at", "moment", help="Say what was live at this time (ISO 8601; local time).")
@click.option("--verify", is_flag=True, help="Compare with the service and the models' bytes too.")
def history(name: str, as_json: bool, moment: str | None, verify: bool) -> None:
    """Print what was decided, when, by whom and why; a changed record is an error."""
    from scripts import history as telling

    if moment is not None:
        telling.tell_moment(name, moment, as_json=as_json)
    else:
        telling.tell_all(name, as_json=as_json)
    if verify:
        telling.verify(name, _world(), as_json=as_json)


@rollout.command()
@click.argument("name")
@click.option("--rollout", "rollout_id", help="Its id, or the beginning of it  [default: newest]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, as in the run's decision.json.")
@click.option("--html", "path", metavar="FILE", type=_PATH, help="Write the decision card there.")
def show(name: str, rollout_id: str | None, as_json: bool, path: Path | None) -> None:
    """Print the decision on one rollout: splits, verdicts, reasons, and how to undo it."""
    from scripts import history as telling

    if path is not None:
        telling.write_card(name, rollout_id, path)
    if path is None or as_json:
        telling.tell_decision(name, rollout_id, as_json=as_json)


def _decide(decision: Callable[[World, str], Outcome], name: str) -> int:
    from scripts import history as telling

    world = _world(say)
    outcome = decision(world, name)
    if outcome.kind != "under_way":  # else the process that carries it on renews its card
        telling.keep_card(world, name)
    click.echo(f"{outcome.kind.replace('_', ' ')}: {outcome.reason}")
    return EXIT[outcome.kind]


def _world(report: Callable[[Event], None] | None = None) -> World:
    from pipelines.deciding import world_of

    return world_of(Settings.from_env(), report)


def say(event: Event) -> None:
    """Print an event, unless the line about the end says the same."""
    if event.kind not in ENDS:
        click.echo(f"  {event.sentence}")


def _standing(state: Rollout) -> str:
    share = "" if state.percent is None else f", {state.percent} % of the traffic"
    return f"{state.service}: version {state.version} is {state.phase.replace('_', ' ')}{share}"


def _measured(state: Rollout) -> str:
    """Return the share that the canary had of this step's requests, "" where none is known."""
    canary, requests = state.case.split if state.case else (0, 0)
    if not requests:
        return ""
    return f"  measured: {canary} of {requests} requests in this step, {canary / requests:.1%}"


def _told(state: Rollout) -> list[str]:
    lines = [_standing(state), _measured(state).replace("%", " %")]
    lines += [f"  {state.reason}" if state.reason else ""]
    if state.shadow and not state.over:
        lines += [f"  shadow: {state.shadow.sentence(state.policy.shadow_requests)}"]
    lines += [f"  before it: version {state.from_version}" if state.from_version else ""]
    for judged in state.history:
        lines += [
            f"  {judged.where}: {judged.verdict}",
            *(f"    {g}" for g in judged.grounds),
        ]
    return [line for line in lines if line]
