"""Take over a rollout that its process left, or that a person decides: one patch, a new holder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from serving.errors import Conflict, NotFound
from serving.isvc.resource import ServiceView
from serving.isvc.services import Unreachable
from serving.rollout.advance import Step, roll_back
from serving.rollout.lease import Claim, leased, undisturbed
from serving.rollout.loop import patch_of
from serving.rollout.noting import noted_takeover
from serving.rollout.state import Phase, Rollout, rollout_of
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
    except (Conflict, Unreachable, NotFound):
        return None
    for event in step.events:
        world.report(event)
    return Claim.on(taken)


def reopened(state: Rollout, now: float) -> Step:
    """Go on where it stopped; a held one gets the whole time of its step again."""
    if state.phase is not Phase.HELD:
        return Step(state)
    phase = Phase.OBSERVING if state.canary else Phase.WAITING
    return Step(replace(state, phase=phase, since=now, reason=""))


def undone(by_version: str) -> Edit:
    """Return the edit that ends an abandoned rollout: a promotion goes on, all else is undone."""

    def edit(state: Rollout, now: float) -> Step:
        if state.phase in (Phase.PROMOTING, Phase.ROLLING_BACK):
            return Step(state)
        reason = f"its rollout was abandoned at {state.percent or 0} % by {state.holder}"
        return roll_back(state, now, f"{reason}; version {by_version} took over")

    return edit
