"""What a person may decide about a rollout, and in which phase (undoing one: `undo.py`).

                 waiting  shadowing  observing  awaiting  paused  held  promoting,    over
                                                approval                rolling back
    hold            x         x          x                                            .
    resume          o         o          o          o        x      x        o        =
    approve                                         x               ?
    promote                   x          x          x        x      x
    abort           x         x          x          x        x      x

    x  it is done    o  only where the process that carried it on has died    =  it tells the end
    ?  where it is held since nobody approved, or since its shadow could not tell

A decision that ends a rollout, or that nobody is there to carry out, makes this process its holder.
Every other one is written into the state, and the process that holds the rollout goes by it.
"""

from __future__ import annotations

from serving.errors import UsageError
from serving.isvc.resource import ServiceView
from serving.rollout import moves
from serving.rollout.following import see_through
from serving.rollout.lease import abandoned, taken_by
from serving.rollout.outcome import Lost, Outcome, concluded, outcome_of
from serving.rollout.state import STANDING, Phase, Rollout, rollout_of, said
from serving.rollout.step import Step
from serving.rollout.takeover import Edit, adopt, amend, reopened
from serving.rollout.world import World

_HOLDABLE = (Phase.WAITING, Phase.SHADOWING, Phase.OBSERVING)
_PROMOTABLE = (Phase.SHADOWING, Phase.OBSERVING, *STANDING, Phase.HELD)
_UNDECIDED = (Phase.WAITING, *_PROMOTABLE)


def status(world: World, name: str) -> Rollout:
    """Return the newest rollout of a service. Raises NotFound, and UsageError if it had none."""
    return _state(world.read(name))


def possible(state: Rollout, now: float) -> tuple[str, ...]:
    """Return what a person may decide of a rollout at the moment `now`, as the table above says."""
    left = not state.over and now >= state.lease_until
    allowed = {
        "approve": bool(state.asking) and state.phase in (Phase.APPROVAL, Phase.HELD),
        "promote": bool(state.canary) and state.phase in _PROMOTABLE,
        "hold": state.phase in _HOLDABLE,
        "resume": state.phase in (Phase.PAUSED, Phase.HELD) or left,
        "abort": state.phase in _UNDECIDED,
    }
    return tuple(name for name, is_open in allowed.items() if is_open)


def resume(world: World, name: str) -> Outcome:
    """Go on with a rollout that is paused, held or was left; an ended one tells its outcome."""
    state = status(world, name)
    if state.over:
        return outcome_of(state)
    if state.phase is Phase.PAUSED and _is_carried(world, state):
        return _amended(world, name, _unpaused)
    return concluded(state.version, lambda: _resumed(world, state))


def approve(world: World, name: str) -> Outcome:
    """Let it enter the step that waits for a person."""

    def edit(state: Rollout, now: float) -> Step:
        if not state.asking or state.phase not in (Phase.APPROVAL, Phase.HELD):
            raise UsageError(f"{name}: {standing(state)}, so nothing waits for an approval.")
        return moves.approve(state, now)

    if _is_carried(world, status(world, name)):
        return _amended(world, name, edit)
    return decide(world, name, edit)


def hold(world: World, name: str) -> Outcome:
    """Keep the split as it is; a canary that turns bad meanwhile is rolled back all the same."""

    def edit(state: Rollout, now: float) -> Step:
        if state.phase not in _HOLDABLE:
            raise UsageError(f"{name}: {standing(state)}, so there is nothing to hold.")
        reason = f"held by {world.actor}"
        if _is_carried(world, state):
            return moves.pause(state, now, f"{reason}; {moves.commands(state)}")
        return moves.hold(state, now, reason)

    return _amended(world, name, edit)


def promote(world: World, name: str) -> Outcome:
    """Give the canary all of the traffic now, whatever is still unproven."""

    def edit(state: Rollout, now: float) -> Step:
        if state.phase not in _PROMOTABLE or not state.canary:
            raise UsageError(f"{name}: {standing(state)}, so there is no canary to promote.")
        return moves.promote(state, now, "promoted by hand")

    return decide(world, name, edit)


def abort(world: World, name: str) -> Outcome:
    """Give the stable revision all of the traffic back, and end the rollout."""

    def edit(state: Rollout, now: float) -> Step:
        if state.phase not in _UNDECIDED:
            hint = f"undo a promotion with `kanarya rollout rollback {name}`"
            raise UsageError(f"{name}: {standing(state)}, so there is nothing to abort; {hint}.")
        return moves.roll_back(state, now, "aborted by hand")

    return decide(world, name, edit)


def _unpaused(state: Rollout, now: float) -> Step:
    if state.phase is not Phase.PAUSED:
        raise UsageError(f"{state.service}: {standing(state)}, so there is nothing to resume.")
    return moves.reopen(state, now)


def _resumed(world: World, state: Rollout) -> Outcome:
    view = world.read(state.service) if state.phase is Phase.HELD else abandoned(world, state)
    edit = moves.reopen if state.phase is Phase.PAUSED else reopened
    claim = adopt(world, view, edit) if view else None
    if claim is None:
        raise Lost(f"{state.service}: {taken_by(state)}; nothing was changed.")
    return see_through(world, claim)


def _is_carried(world: World, state: Rollout) -> bool:
    """Say whether a process has the rollout in its hands, which goes by what the state says."""
    return state.phase is not Phase.HELD and world.clock() < state.lease_until


def _amended(world: World, name: str, edit: Edit) -> Outcome:
    """Write the decision into the state, and say where the rollout stands then."""

    def attempts() -> Outcome:
        state = world.insist(name, lambda: amend(world, world.read(name), edit))
        reason = state.reason or f"{standing(state)}, by {state.holder}"
        return Outcome(outcome_of(state).kind, state.version, state.live_version, reason)

    return concluded(status(world, name).version, attempts)


def decide(world: World, name: str, edit: Edit) -> Outcome:
    """Make the decision with one patch, whoever holds the rollout, and see it through."""

    def attempts() -> Outcome:
        claim = world.insist(name, lambda: adopt(world, world.read(name), edit))
        return see_through(world, claim)

    return concluded(status(world, name).version, attempts)


def _state(view: ServiceView) -> Rollout:
    state = rollout_of(view)
    if state is None:
        raise UsageError(f"{view.name} has had no rollout of ours; `kanarya run` begins one.")
    return state


def standing(state: Rollout) -> str:
    """Return which version is where, for a sentence."""
    return f"version {state.version} is {said(state.phase)}"
