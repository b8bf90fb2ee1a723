"""What a rollout tells the ledger, and when: before the change that it tells of.

A kill in between repeats the decision, and the ledger knows it already. Where the ledger cannot be
written the rollout stops and nothing changes, with one exception: taking a bad canary out of the
traffic does not wait for a disk. Its end is written all the same before the state says so.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from serving.rollout.ledger import LedgerError
from serving.rollout.outcome import grounds_of
from serving.rollout.record import TAKEN_OVER, Entry, Model
from serving.rollout.state import STANDING, Phase, Rollout
from serving.rollout.step import Move, Step
from serving.rollout.world import World

_EVERYTHING = (Phase.PROMOTING, Phase.PROMOTED)
_IDLE = ("looking", "waiting")


def kind_of(before: Rollout, after: Rollout) -> str | None:
    """Return which kind of record a change of state is, None where nothing was decided."""
    if (before.phase, before.step, before.percent) == (after.phase, after.step, after.percent):
        return None
    if after.phase is Phase.SHADOWING:
        return None
    if _let_go_on(before, after):
        return "approved" if before.asking and after.percent == before.asking else "resumed"
    return "split" if after.phase is Phase.OBSERVING else after.phase.value


def noted(world: World, before: Rollout, step: Step) -> Step:
    """Write a decision to the ledger; return its step, with the receipt in the state."""
    kind = kind_of(before, step.state)
    return _written(world, step, kind, _why(before, step)) if kind else step


def noted_takeover(world: World, before: Rollout, step: Step) -> Step:
    """Write down what a person decided about a rollout, or that this process goes on with it."""
    kind = kind_of(before, step.state)
    if kind is None:
        return _written(world, step, TAKEN_OVER, f"taken over from {before.holder}")
    return _written(world, step, kind, _why(before, step))


def _why(before: Rollout, step: Step) -> str:
    """Return the reason of the state where it is a new one, else what is told of the step."""
    if step.state.undo and step.state.phase in _EVERYTHING:
        return f"gone back to version {step.state.version} by hand"
    if step.state.reason and step.state.reason != before.reason:
        return step.state.reason
    person = ("a person let it go on",) if _let_go_on(before, step.state) else ()
    told = (event.sentence for event in step.events if event.kind not in _IDLE)
    return "; ".join((*person, *told))


def _let_go_on(before: Rollout, after: Rollout) -> bool:
    """Say whether a rollout that waited for a person goes on towards its next verdict."""
    waited = before.phase is Phase.HELD or before.phase in STANDING
    return waited and after.phase in (Phase.WAITING, Phase.OBSERVING)


def begun(world: World, state: Rollout, why: str) -> Rollout:
    """Write down that a rollout begins; return its state with the receipt."""
    entry = replace(_entry(world, state, "begun", why), policy=state.policy.to_json())
    return replace(state, ledger=world.ledger.append(entry))


def gave_way(world: World, name: str, rollout: str, why: str) -> None:
    """Write down that a rollout of ours stopped since somebody else was first.

    Not so where another process has taken it over and carries it on. The conflict itself is told
    whether or not this can be written.
    """
    with suppress(LedgerError):
        last = world.ledger.newest(name, rollout)
        if last and last.entry.holder == world.holder:
            gone = replace(last.entry, kind="conflict", why=why, measured={}, policy={})
            world.ledger.append(gone)


def _written(world: World, step: Step, kind: str, why: str) -> Step:
    try:
        receipt = world.ledger.append(_entry(world, step.state, kind, why))
    except LedgerError:
        if step.move is not Move.ROLL_BACK:
            raise
        return step
    return replace(step, state=replace(step.state, ledger=receipt))


def _entry(world: World, state: Rollout, kind: str, why: str) -> Entry:
    before = Model(state.from_version, state.from_uri)
    return Entry(
        service=state.service,
        kind=kind,
        rollout=state.id,
        to=Model(state.version, state.uri),
        before=before if before != Model(None, None) else None,
        step=state.step,
        percent=100 if state.phase in _EVERYTHING else state.percent,
        why=why,
        undo=state.undo,
        evidence=grounds_of(state),
        measured=state.history[-1].numbers if state.history else {},
        run=state.run_id,
        holder=world.holder,
    )
