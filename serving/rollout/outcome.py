"""What a rollout tells the world: events while it goes on, one outcome, and who writes it down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol, assert_never

from serving.errors import Conflict, ServiceError
from serving.rollout.policy import Policy
from serving.rollout.state import Phase, Rollout

EventKind = Literal[
    "begun",
    "shadow",
    "split",
    "looking",
    "good",
    "bad",
    "asks",
    "promoted",
    "rolled_back",
    "held",
    "waiting",
    "warning",
]
OutcomeKind = Literal["promoted", "rolled_back", "held", "conflict", "failed", "under_way"]


@dataclass(frozen=True)
class Event:
    """One fact for people, as it happens. `looking` comes with every look, the rest once."""

    kind: EventKind
    service: str
    version: str
    percent: int | None
    sentence: str


@dataclass(frozen=True)
class Request:
    """Bring this version of this service to all of the traffic; `undo`: bring it back."""

    name: str
    version: str
    uri: str
    policy: Policy = field(default_factory=Policy)
    run_id: str = ""
    undo: bool = False


@dataclass(frozen=True)
class Outcome:
    """How it ended; `live_version` is what has the traffic now, None where that is not known.

    `under_way`: a person's decision was taken over by the process that carries the rollout on.
    """

    kind: OutcomeKind
    version: str
    live_version: str | None
    reason: str
    evidence: tuple[str, ...] = ()


class Recorder(Protocol):
    """The registry's side. Both may be called again after a kill, and must then change nothing."""

    def promoted(self, name: str, version: str, evidence: tuple[str, ...]) -> None:
        """Write down that `version` has all of the traffic."""

    def rolled_back(self, name: str, version: str, reason: str) -> None:
        """Write down that `version` was taken out of the traffic."""


class Lost(Conflict):
    """Somebody else's rollout, or a change by hand, was there first; nothing was touched."""


class Taken(Conflict):
    """Another process has this very rollout in hand, since a person decided or ours fell silent."""


class Stuck(ServiceError):
    """The platform does not do what it was asked; the rollout can be resumed."""


def outcome_of(state: Rollout) -> Outcome:
    """Return the outcome that a stopped rollout stands for."""
    return Outcome(_kind(state), state.version, state.live_version, state.reason, grounds_of(state))


def grounds_of(state: Rollout) -> tuple[str, ...]:
    """Return what the rollout was judged by, oldest first, each with its percent."""
    return tuple(
        f"{judged.where}: {ground}" for judged in state.history for ground in judged.grounds
    )


def _kind(state: Rollout) -> OutcomeKind:
    match state.phase:
        case Phase.PROMOTED:
            return "promoted"
        case Phase.ROLLED_BACK:
            return "failed" if state.first else "rolled_back"
        case Phase.HELD:
            return "held"
        case Phase.WAITING | Phase.SHADOWING | Phase.OBSERVING | Phase.APPROVAL | Phase.PAUSED:
            return "under_way"
        case Phase.PROMOTING | Phase.ROLLING_BACK:
            return "under_way"
    assert_never(state.phase)


def concluded(version: str, attempt: Callable[[], Outcome]) -> Outcome:
    """Return the attempt's outcome; a lost or stuck one is an outcome as well."""
    try:
        return attempt()
    except Lost as lost:
        return Outcome("conflict", version, None, str(lost))
    except Stuck as stuck:
        return Outcome("failed", version, None, str(stuck))
