"""Whose rollout it is: the holder shows a sign of life, everybody else waits for it to stop.

The lock is the InferenceService's resourceVersion; the lease only says how long a silent holder is
given. Another machine's clock is trusted for at most one lease.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from serving.isvc.drivers import Driver
from serving.isvc.resource import ServiceView
from serving.rollout.outcome import Lost, Taken
from serving.rollout.state import Rollout, disagreement, rollout_of, said
from serving.rollout.world import World

LEASE_S = 10.0
RENEW_AFTER_S = 3.0
_LOOK_S = 0.5


@dataclass(frozen=True)
class Claim:
    """The rollout that this process carries on."""

    name: str
    id: str
    holder: str

    @classmethod
    def on(cls, state: Rollout) -> Claim:
        """Return the claim of the state's own holder."""
        return cls(state.service, state.id, state.holder)


def leased(state: Rollout, holder: str, now: float) -> Rollout:
    """Return the state held by `holder` from now on."""
    return replace(state, holder=holder, lease_until=now + LEASE_S)


def renewal_due(state: Rollout, now: float) -> bool:
    """Say whether it is time to show a sign of life.

    So it is where more than a lease is left: the clock was set back, and others do not wait for it.
    """
    return not LEASE_S - RENEW_AFTER_S < state.lease_until - now <= LEASE_S


def owned(view: ServiceView | None, claim: Claim, driver: Driver) -> tuple[ServiceView, Rollout]:
    """Return service and rollout if it is still ours and as we left it.

    Raises Taken where another process has it in hand, and Lost as `present` does.
    """
    view, state = present(view, claim)
    if state.holder != claim.holder:
        raise Taken(f"{claim.name}: {taken_by(state)}.")
    return view, undisturbed(view, state, driver)


def present(view: ServiceView | None, claim: Claim) -> tuple[ServiceView, Rollout]:
    """Return service and rollout, whoever holds it; raises Lost saying what is there in its place.

    `view`: the service as it is now.
    """
    if view is None:
        raise Lost(f"{claim.name} was deleted while it was being rolled out.")
    state = rollout_of(view)
    if state is None:
        raise Lost(f"{claim.name}: somebody took the rollout's annotation away; it stops here.")
    if state.id != claim.id:
        raise Lost(f"{claim.name}: {taken_by(state)}; this rollout stops and changes nothing.")
    return view, state


def undisturbed(view: ServiceView, state: Rollout, driver: Driver) -> Rollout:
    """Return the state if the spec still says what it says; raises Lost with the difference."""
    difference = disagreement(state, view, driver)
    if difference:
        raise Lost(f"{view.name} was changed by hand: {difference}; the rollout changes nothing.")
    return state


def taken_by(state: Rollout) -> str:
    """Return who holds the service: version, phase, run and process."""
    run = f", run {state.run_id}" if state.run_id else ""
    return (
        f"version {state.version} is being rolled out ({said(state.phase)}{run}, by {state.holder})"
    )


def abandoned(world: World, seen: Rollout) -> ServiceView | None:
    """Return the service once the lease has run out; None as soon as the rollout moved on."""
    deadline = seen.lease_until
    while True:
        view = world.find(seen.service)
        if view is None or rollout_of(view) != seen:
            return None
        now = world.clock()
        # A clock that is set back meanwhile must not keep us for longer either.
        deadline = min(deadline, now + LEASE_S)
        if now >= deadline:
            return view
        world.sleep(min(deadline - now, _LOOK_S))
