"""Carry a rollout to its end: look, decide, and make at most one patch; then look again.

Nothing is kept between two looks: every round starts from the object itself. So the process may
be killed between any two effects, and whoever goes on does just what this one would have done.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import assert_never

from serving.errors import Conflict, NotFound
from serving.isvc.drivers import Driver, Spec
from serving.isvc.resource import LIVE_VERSION, ROLLOUT, ServiceView, merge_patch
from serving.isvc.services import Unreachable
from serving.rollout.advance import advance
from serving.rollout.lease import Claim, leased, owned, renewal_due
from serving.rollout.noting import gave_way, noted
from serving.rollout.outcome import Event, Lost, Outcome, Stuck, grounds_of, outcome_of
from serving.rollout.state import STANDING, Phase, Rollout
from serving.rollout.step import Move, Sight, Step
from serving.rollout.world import World

POLL_S = 0.2
LATEST_S = 1.0
PATIENCE = 25
"""A look comes after a twenty-fifth of the time that the step has taken, from 0.2 to 1 s: it puts
a verdict off by 4 % of its time at most, and a long step does not pay what a short one must."""
TELL_S = 1.0
HINDERED_S = 120.0
"""How long each change may be refused or lost, one after the other, while the service is read."""


def drive(world: World, claim: Claim) -> Outcome:
    """Return the outcome of a rollout that this process holds.

    Raises Taken where another process has it in hand by now (`serving.rollout.following`), Lost and
    Stuck, and LedgerError where a decision cannot be written down.
    """
    try:
        return _driven(world, claim)
    except Lost as lost:
        gave_way(world, claim.name, claim.id, str(lost))
        raise


def _driven(world: World, claim: Claim) -> Outcome:
    audience, hurdle = Audience(world), Hurdle(world)
    while True:
        view, found = owned(world.find(claim.name), claim, world.driver)
        sight = sight_of(world, view, found)
        state = by_clock(found, sight.at)
        step = advance(state, sight)
        if step.stuck:
            raise Stuck(f"{claim.name}: {step.stuck}.")
        step = noted(world, state, step)
        if step.state is not state:
            record(world, step.state)
        made = apply(world, view, state, step)
        hurdle.passed(claim.name, made=made)
        if made:
            audience.tell(step.events)
            if step.state.over or step.state.phase is Phase.HELD:
                return outcome_of(step.state)
        world.sleep(pause(step.state, world.clock()))


def by_clock(state: Rollout, now: float) -> Rollout:
    """Return the state; a step that began later than now, by a clock that was set, begins now."""
    return state if state.since <= now else replace(state, since=now)


def pause(state: Rollout, now: float) -> float:
    """Return the seconds until the next look; only where requests are gathered may it be late."""
    if state.phase is not Phase.OBSERVING and state.phase not in STANDING:
        return POLL_S
    return min(max((now - state.since) / PATIENCE, POLL_S), LATEST_S)


def sight_of(world: World, view: ServiceView, state: Rollout) -> Sight:
    """Return what there is to see; source and shadow are asked only where they are wanted."""
    driver, at = world.driver, world.clock()
    observing = state.phase is Phase.OBSERVING or (state.phase in STANDING and state.percent)
    shadowing = state.phase is Phase.SHADOWING
    return Sight(
        at=at,
        canary=driver.canary_revision(view),
        stable=driver.stable_revision(view),
        ready=driver.canary_ready(view) and (not state.first or view.ready is True),
        failure=driver.canary_failed(view)
        or driver.unasked(view, state.created_before, state.canary),
        complaint=view.complaint,
        split=driver.live_split(view),
        observation=world.source.observe(view, at) if observing else None,
        shadow=world.shadow.ask(state, driver.addresses(view)) if shadowing else None,
    )


def record(world: World, state: Rollout) -> None:
    """Tell the registry of an end before the state says so: a kill in between repeats it."""
    if state.phase is Phase.PROMOTED:
        world.recorder.promoted(state.service, state.version, grounds_of(state))
        if state.undo and state.from_version:
            reason = f"undone by hand: version {state.version} is live again"
            world.recorder.rolled_back(state.service, state.from_version, reason)
    elif state.phase is Phase.ROLLED_BACK:
        world.recorder.rolled_back(state.service, state.version, state.reason)


def apply(world: World, view: ServiceView, before: Rollout, step: Step) -> bool:
    """Make the step's one patch, or renew the lease; False where the object must be read again.

    A refusal because of somebody's newer write, and an answer that was lost, look the same here:
    only the object can tell what holds now.
    """
    now = world.clock()
    if step.state is before and not renewal_due(before, now):
        return True
    state = leased(step.state, before.holder, now)
    try:
        world.services.patch(view.name, patch_of(world.driver, view, state, step.move))
    except (Conflict, Unreachable, NotFound) as error:
        world.refusals.append(str(error))
        return False
    return True


def patch_of(driver: Driver, view: ServiceView, state: Rollout, move: Move) -> dict[str, object]:
    """Return the one merge patch: the change of the spec and the state that it belongs to."""
    annotations: dict[str, str | None] = {ROLLOUT: state.to_json()}
    if state.over:
        annotations[LIVE_VERSION] = state.live_version
    return merge_patch(view, _spec(driver, view, state, move), annotations)


def _spec(driver: Driver, view: ServiceView, state: Rollout, move: Move) -> Spec:
    match move:
        case Move.NOTHING:
            return {}
        case Move.SET_PERCENT:
            return driver.set_percent(view, state.percent or 0)
        case Move.PROMOTE:
            return driver.promote(view)
        case Move.ROLL_BACK:
            return driver.roll_back(view)
    assert_never(move)


@dataclass
class Hurdle:
    """Since when no change could be made, though one was to be: a webhook that is down, say."""

    world: World
    since: float | None = None

    def passed(self, name: str, *, made: bool) -> None:
        """Note how a change went. Raises Stuck after `HINDERED_S` of none."""
        now = self.world.clock()
        self.since = None if made else min(self.since or now, now)
        if self.since is not None and now - self.since >= HINDERED_S:
            raise Stuck(self.world.hindered(name, HINDERED_S))


@dataclass
class Audience:
    """Passes events on; the ones that come with every look at most once a second."""

    world: World
    told_at: float = 0.0

    def tell(self, events: tuple[Event, ...]) -> None:
        """Report what is new."""
        for event in events:
            if event.kind in ("looking", "waiting"):
                if 0 <= self.world.clock() - self.told_at < TELL_S:
                    continue
                self.told_at = self.world.clock()
            self.world.report(event)
