"""What a decision is made of: what was seen, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from serving.rollout.observation import NotMeasured, Observation
from serving.rollout.outcome import Event, EventKind
from serving.rollout.shadow_tally import Tally
from serving.rollout.state import Rollout


class Move(StrEnum):
    """The one thing to change in the spec, together with the state."""

    NOTHING = "nothing"
    SET_PERCENT = "set percent"
    PROMOTE = "promote"
    ROLL_BACK = "roll back"


@dataclass(frozen=True)
class Sight:
    """What one look at the service and its source showed, at the moment `at`."""

    at: float
    canary: str = ""
    stable: str = ""
    ready: bool = False
    failure: str | None = None
    complaint: str | None = None
    split: Mapping[str, int] = field(default_factory=dict)
    observation: Observation | NotMeasured | None = None
    shadow: Tally | NotMeasured | None = None


@dataclass(frozen=True)
class Step:
    """The next state, the change of the spec that goes with it, and what to tell.

    `stuck` says that the platform does not do what it was asked; then nothing is changed.
    """

    state: Rollout
    move: Move = Move.NOTHING
    events: tuple[Event, ...] = ()
    stuck: str | None = None


def event(kind: EventKind, state: Rollout, sentence: str) -> Event:
    """Return what is told of a state."""
    return Event(kind, state.service, state.version, state.percent, sentence)
