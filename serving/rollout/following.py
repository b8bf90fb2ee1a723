"""See a rollout through to its end, whoever has it in hand.

A person who promotes or aborts becomes the holder of a rollout that a run drives. It is the same
rollout still, so the run follows it and ends as it does; a holder that shows no sign of life for a
lease is taken for dead, and the run goes on itself. Another rollout is a conflict, and so is a
change by hand.
"""

from __future__ import annotations

from contextlib import suppress

from serving.rollout.lease import Claim, abandoned, present, undisturbed
from serving.rollout.ledger import LedgerError
from serving.rollout.loop import POLL_S, Hurdle, drive
from serving.rollout.outcome import (
    Event,
    EventKind,
    Lost,
    Outcome,
    OutcomeKind,
    Taken,
    outcome_of,
)
from serving.rollout.record import Entry
from serving.rollout.state import Phase, Rollout, rollout_of, said
from serving.rollout.step import Step
from serving.rollout.takeover import adopt
from serving.rollout.world import World

_ENDS: dict[Phase, EventKind] = {
    Phase.PROMOTED: "promoted",
    Phase.ROLLED_BACK: "rolled_back",
    Phase.HELD: "held",
}
_LAST: dict[str, OutcomeKind] = {"promoted": "promoted", "rolled_back": "rolled_back"}
"""Kinds of records after which nothing more comes of a rollout, and what it came to."""


def see_through(world: World, claim: Claim) -> Outcome:
    """Return the outcome of a rollout that this process holds, or held until a moment ago.

    Raises Lost and Stuck, and LedgerError where a decision cannot be written down.
    """
    try:
        return _seen_through(world, claim)
    except Lost:
        ended = _ended_before(world, claim)
        if ended is None:
            raise
        return ended


def _seen_through(world: World, claim: Claim) -> Outcome:
    while True:
        try:
            return drive(world, claim)
        except Taken:
            followed = _followed(world, claim)
            if isinstance(followed, Outcome):
                return followed
            claim = followed


def _followed(world: World, claim: Claim) -> Outcome | Claim:
    """Return how another process ended the rollout, or our claim on it where it fell silent."""
    told: Phase | None = None
    hurdle = Hurdle(world)
    while True:
        view, state = present(world.find(claim.name), claim)
        if state.phase is not told:
            world.report(_event(state))
            told = state.phase
        if state.phase in _ENDS:
            return outcome_of(state)
        undisturbed(view, state, world.driver)
        if state.holder == claim.holder:  # it was adopted, and the answer was lost
            return claim
        left = abandoned(world, state)
        ours = adopt(world, left, _as_it_stands) if left else None
        if ours is not None:
            return ours
        hurdle.passed(claim.name, made=left is None)
        if left:
            world.sleep(POLL_S)


def _as_it_stands(state: Rollout, now: float) -> Step:
    """Go on without more time: it must end, however often it changes hands."""
    return Step(state)


def _event(state: Rollout) -> Event:
    kind, sentence = _ENDS.get(state.phase, "waiting"), state.reason
    if kind == "waiting":
        where = f"version {state.version} is {said(state.phase)}"
        sentence = f"{where}, carried on by {state.holder}; it is followed from here"
    return Event(kind, state.service, state.version, state.percent, sentence)


def _ended_before(world: World, claim: Claim) -> Outcome | None:
    """Return the end that the ledger has of it, where another rollout was begun after that.

    None where it did not end, or was cleared away by that other one.
    """
    view = world.find(claim.name)
    other = rollout_of(view) if view else None
    if other is None or other.id == claim.id:
        return None
    with suppress(LedgerError):
        last = world.ledger.newest(claim.name, claim.id)
        return _outcome_of(last.entry, other) if last else None
    return None


def _outcome_of(last: Entry, other: Rollout) -> Outcome | None:
    if last.kind not in _LAST or (last.kind == "rolled_back" and last.holder == other.holder):
        return None
    live = last.to if last.kind == "promoted" else last.before
    kind: OutcomeKind = _LAST[last.kind] if live else "failed"
    version = live.version if live else None
    return Outcome(kind, last.to.version or "", version, last.why, last.evidence)
