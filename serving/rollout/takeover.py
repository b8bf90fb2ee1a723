"""Take over a rollout that its process left, or that a person decides: one patch, a new holder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from serving.errors import Conflict, NotFound
from serving.isvc.resource import ServiceView
from serving.isvc.services import Unreachable
from serving.rollout.lease import Claim, leased, undisturbed
from serving.rollout.loop import patch_of
from serving.rollout.moves import reopen, roll_back
from serving.rollout.noting import noted, noted_takeover
from serving.rollout.state import STANDING, Phase, Rollout, rollout_of
from serving.rollout.step import Step
from serving.rollout.world import World

Edit = Callable[[Rollout, float], Step]


def adopt(world: World, view: ServiceView, edit: Edit) -> Claim | None:
    """Return the claim on the rollout in `view`, changed by `edit`; None where it has moved on.

    The ledger hears of it first. Nothing is told to the registry here: that is for the loop, under
    the new claim. Raises Lost where the spec was changed by hand, and LedgerError.
    """
    state, now = rollout_of(view), world.clock()
    if state is None:
        return None
    step = edit(undisturbed(view, state, world.driver), now)
    step = noted_takeover(world, state, step)
    taken = leased(step.state, world.holder, now)
    try:
        world.services.patch(view.name, patch_of(world.driver, view, taken, step.move))
    except (Conflict, Unreachable, NotFound) as error:
        world.refusals.append(str(error))
        return None
    for event in step.events:
        world.report(event)
    return Claim.on(taken)


def amend(world: World, view: ServiceView, edit: Edit) -> Rollout | None:
    """Change the rollout in `view` by a person's decision and leave it to whoever carries it on.

    Returns its state, None where it has moved on meanwhile. The ledger hears of it first. Raises
    Lost where the spec was changed by hand, and LedgerError.
    """
    state = rollout_of(view)
    if state is None:
        return None
    step = edit(undisturbed(view, state, world.driver), world.clock())
    step = noted(replace(world, holder=state.holder), state, step)
    try:
        world.services.patch(view.name, patch_of(world.driver, view, step.state, step.move))
    except (Conflict, Unreachable, NotFound) as error:
        world.refusals.append(str(error))
        # A lost answer may stand for a change that was made: the receipt in the object tells.
        found = world.find(view.name)
        after = rollout_of(found) if found else None
        if after is None or after.ledger != step.state.ledger:
            return None
    for event in step.events:
        world.report(event)
    return step.state


def reopened(state: Rollout, now: float) -> Step:
    """Go on where it stopped; what waits for a person, or is held, gets its whole time again."""
    if state.phase in STANDING:
        return Step(replace(state, since=now))
    return reopen(state, now) if state.phase is Phase.HELD else Step(state)


def undone(by_version: str) -> Edit:
    """Return the edit that ends an abandoned rollout: a promotion goes on, all else is undone."""

    def edit(state: Rollout, now: float) -> Step:
        if state.phase in (Phase.PROMOTING, Phase.ROLLING_BACK):
            return Step(state)
        reason = f"its rollout was abandoned at {state.percent or 0} % by {state.holder}"
        return roll_back(state, now, f"{reason}; version {by_version} took over")

    return edit
