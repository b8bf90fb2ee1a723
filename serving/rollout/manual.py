"""What a person may decide about a rollout: go on, promote, abort, or undo a promotion."""

from __future__ import annotations

from serving.errors import UsageError
from serving.isvc.resource import ServiceView
from serving.rollout.advance import Step, roll_back
from serving.rollout.advance import promote as promoting
from serving.rollout.lease import abandoned, taken_by
from serving.rollout.loop import drive
from serving.rollout.outcome import Lost, Outcome, concluded, outcome_of
from serving.rollout.state import Phase, Rollout, rollout_of
from serving.rollout.takeover import Edit, adopt, reopened
from serving.rollout.world import World

_UNDECIDED = (Phase.WAITING, Phase.OBSERVING, Phase.HELD)


def status(world: World, name: str) -> Rollout:
    """Return the newest rollout of a service. Raises NotFound, and UsageError if it had none."""
    return _state(world.read(name))


def resume(world: World, name: str) -> Outcome:
    """Go on with a rollout that is held or was left; an ended one just tells its outcome."""
    state = status(world, name)
    if state.over:
        return outcome_of(state)
    return concluded(state.version, lambda: _resumed(world, state))


def promote(world: World, name: str) -> Outcome:
    """Give the canary all of the traffic now, whatever is still unproven."""

    def edit(state: Rollout, now: float) -> Step:
        if state.phase not in (Phase.OBSERVING, Phase.HELD) or not state.canary:
            raise UsageError(f"{name}: {_standing(state)}, so there is no canary to promote.")
        return promoting(state, now, "promoted by hand")

    return _decide(world, name, edit)


def abort(world: World, name: str) -> Outcome:
    """Give the stable revision all of the traffic back, and end the rollout."""

    def edit(state: Rollout, now: float) -> Step:
        if state.phase not in _UNDECIDED:
            hint = f"undo a promotion with `kanarya rollout rollback {name}`"
            raise UsageError(f"{name}: {_standing(state)}, so there is nothing to abort; {hint}.")
        return roll_back(state, now, "aborted by hand")

    return _decide(world, name, edit)


def rollback(world: World, name: str) -> Outcome:
    """Undo a finished promotion: the version before it is live again at once, still warm."""
    previous = world.driver.previous_revision(world.read(name))

    def edit(state: Rollout, now: float) -> Step:
        if state.phase is not Phase.PROMOTED:
            hint = f"stop a running one with `kanarya rollout abort {name}`"
            raise UsageError(f"{name}: {_standing(state)}, so there is nothing to undo; {hint}.")
        if state.first or previous != state.stable:
            raise UsageError(f"{name}: no version before {state.version} is left to go back to.")
        return roll_back(state, now, "rolled back by hand")

    return _decide(world, name, edit)


def _resumed(world: World, state: Rollout) -> Outcome:
    view = world.read(state.service) if state.phase is Phase.HELD else abandoned(world, state)
    claim = adopt(world, view, reopened) if view else None
    if claim is None:
        raise Lost(f"{state.service}: {taken_by(state)}; nothing was changed.")
    return drive(world, claim)


def _decide(world: World, name: str, edit: Edit) -> Outcome:
    """Make the decision with one patch, whoever holds the rollout, and see it through."""

    def attempts() -> Outcome:
        while True:
            claim = adopt(world, world.read(name), edit)
            if claim is not None:
                return drive(world, claim)

    return concluded(status(world, name).version, attempts)


def _state(view: ServiceView) -> Rollout:
    state = rollout_of(view)
    if state is None:
        raise UsageError(f"{view.name} has had no rollout of ours; `kanarya run` begins one.")
    return state


def _standing(state: Rollout) -> str:
    return f"version {state.version} is {state.phase.replace('_', ' ')}"
