"""What a person decides about a rollout, done here or in a process of its own.

A decision may carry the rollout on to its end, for minutes, and asks the registry, whose library
is a large one. So a server of pages has a child do it, which outlives the page and the server:

    python -m pipelines.deciding '{"name": "abort", "service": "iris", …}'

prints one line as soon as the decision is made: {"told": sentence} or {"error": sentence,
"kind": its class}.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from serving import priority
from serving.errors import Conflict, KanaryaError, NotFound, PlatformError, UsageError
from serving.rollout import manual
from serving.rollout.actor import actor
from serving.rollout.undo import Wish, rollback
from serving.rollout.world import World
from serving.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from serving.rollout.outcome import Event, Outcome

Deed = Callable[[World, str], "Outcome"]
DEEDS: Mapping[str, Deed] = {
    "approve": manual.approve,
    "promote": manual.promote,
    "hold": manual.hold,
    "resume": manual.resume,
    "abort": manual.abort,
    "rollback": rollback,
}
_KINDS: Mapping[str, type[KanaryaError]] = {
    each.__name__: each for each in (UsageError, NotFound, Conflict, PlatformError)
}
"""The errors that keep their kind on the way from a child."""


@dataclass(frozen=True)
class Decision:
    """Which decision (a key of `DEEDS`) on which service; `person`: who made it, "": this user.

    `rollout`: the one that the person saw; "": the newest, whichever it is. `version`: which one to
    go back to, of a rollback; "": the one before.
    """

    name: str
    service: str
    rollout: str = ""
    person: str = ""
    version: str = ""


def decide(world: World, decision: Decision) -> Outcome:
    """Do it and see it through. Raises Conflict where another rollout has begun since."""
    if decision.rollout:
        found = manual.status(world, decision.service)
        if found.id != decision.rollout:
            raise Conflict(
                f"{decision.service}: version {found.version} is being rolled out since, so "
                "nothing was changed; look again, then decide."
            )
    if decision.name == "rollback" and decision.version:
        return rollback(world, decision.service, Wish(version=decision.version))
    return DEEDS[decision.name](world, decision.service)


def world_of(
    settings: Settings, report: Callable[[Event], None] | None = None, person: str = ""
) -> World:
    """Return the world of an installation in which this user, or a person of the console, acts."""
    from components.registry import RegistryRecorder
    from serving.isvc.client import connect
    from serving.rollout.ledger import StoredLedger

    who = f"{person}@{socket.gethostname()} (console)" if person else actor()
    more: dict[str, Any] = {"report": report} if report else {}
    services = connect(settings.kubeconfig, settings.namespace)
    ledger = StoredLedger(settings.ledger, settings.namespace, actor=who)
    return World(services, RegistryRecorder(), ledger, actor=who, **more)


def renew_card(world: World, service: str) -> None:
    """Renew the card of the newest rollout where its version keeps it. Raises KanaryaError."""
    from components.decisions import decided, keep

    keep(decided(world.ledger.chain(service)))


def apart(decision: Decision, settings: Settings) -> str:
    """Have a child make the decision, and return what it says once it is made.

    It sees the decision through when this returns already. Raises Conflict and KanaryaError with
    the sentence of what went wrong before.
    """
    if decision.name not in DEEDS:
        raise UsageError(f"there is no decision {decision.name!r}; choose {', '.join(DEEDS)}")
    child = priority.start(
        [sys.executable, "-P", "-m", "pipelines.deciding", json.dumps(asdict(decision))],
        env={**os.environ, **settings.environment()},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=(log := _log(settings.home / "console" / "decisions.log")),
        start_new_session=True,
    )
    os.close(log)
    threading.Thread(target=child.wait, daemon=True).start()  # leaves no zombie behind
    return _first_line(child, decision)


def _first_line(child: subprocess.Popen[bytes], decision: Decision) -> str:
    assert child.stdout is not None
    try:
        line = child.stdout.readline()
    finally:
        child.stdout.close()
    try:
        said = json.loads(line)
    except ValueError as error:
        raise PlatformError(
            f"{decision.name} of {decision.service}: its process ended without an answer; "
            "console/decisions.log says why"
        ) from error
    if "error" in said:
        raise _KINDS.get(said["kind"], KanaryaError)(said["error"])
    return str(said["told"])


def _log(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


class Answer:
    """The one line of a child; what comes after it is for the log."""

    def __init__(self) -> None:
        self._given = False

    def give(self, **said: object) -> None:
        """Print the line, once."""
        if self._given:
            print(json.dumps(said, ensure_ascii=False), file=sys.stderr, flush=True)
            return
        self._given = True
        print(json.dumps(said), flush=True)

    def hear(self, event: Event) -> None:
        """Tell what is done of the decision."""
        self.give(told=event.sentence)


def main() -> NoReturn:
    """Do the decision that the only argument holds."""
    decision, answer = Decision(**json.loads(sys.argv[1])), Answer()
    try:
        world = world_of(Settings.from_env(), answer.hear, decision.person)
        outcome = decide(world, decision)
        answer.give(told=outcome.reason)
        if outcome.kind != "under_way":  # else the process that carries it on renews its card
            renew_card(world, decision.service)
    except KanaryaError as error:
        answer.give(error=str(error), kind=type(error).__name__)
        sys.exit(error.exit_code)
    sys.exit(0)


if __name__ == "__main__":
    main()
