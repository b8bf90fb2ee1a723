"""What a person may decide about a rollout: go on, promote or abort (undoing one: `undo.py`)."""

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
            raise UsageError(f"{name}: {standing(state)}, so there is no canary to promote.")
        return promoting(state, now, "promoted by hand")

    return decide(world, name, edit)


def abort(world: World, name: str) -> Outcome:
    """Give the stable revision all of the traffic back, and end the rollout."""

    def edit(state: Rollout, now: float) -> Step:
        if state.phase not in _UNDECIDED:
            hint = f"undo a promotion with `kanarya rollout rollback {name}`"
            raise UsageError(f"{name}: {standing(state)}, so there is nothing to abort; {hint}.")
        return roll_back(state, now, "aborted by hand")

    return decide(world, name, edit)


def _resumed(world: World, state: Rollout) -> Outcome:
    view = world.read(state.service) if state.phase is Phase.HELD else abandoned(world, state)
    claim = adopt(world, view, reopened) if view else None
    if claim is None:
        raise Lost(f"{state.service}: {taken_by(state)}; nothing was changed.")
    return drive(world, claim)


def decide(world: World, name: str, edit: Edit) -> Outcome:
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


def standing(state: Rollout) -> str:
    """Return which version is where, for a sentence."""
    return f"version {state.version} is {state.phase.replace('_', ' ')}"
