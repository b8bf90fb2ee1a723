"""May this rollout begin? Pure: a request and what is there now, to one of four answers."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from serving.isvc.drivers import Driver
from serving.isvc.resource import ServiceView
from serving.rollout.outcome import Request
from serving.rollout.state import (
    STANDING,
    Phase,
    Rollout,
    disagreement,
    live_uri,
    live_version,
    rollout_of,
    said,
)


@dataclass(frozen=True)
class Begin:
    """Nothing stands in the way; `view` is None where the service must be created."""

    view: ServiceView | None


@dataclass(frozen=True)
class AlreadyLive:
    """The very model that is asked for has all of the traffic."""


@dataclass(frozen=True)
class Busy:
    """An unfinished rollout is there; its holder may be alive or not."""

    other: Rollout


@dataclass(frozen=True)
class Refused:
    """A person has to decide something first."""

    sentence: str


Answer = Begin | AlreadyLive | Busy | Refused


def admit(view: ServiceView | None, request: Request, driver: Driver) -> Answer:
    """Return whether a request may begin on the service as it is now."""
    if view is None:
        return Begin(None)
    state = rollout_of(view)
    # A change by hand ended that rollout: it is not ours to finish or to undo.
    if state is not None and not state.over and not disagreement(state, view, driver):
        return _after(state, request)
    if live_uri(view) == request.uri:
        return AlreadyLive()
    obstacle = driver.in_the_way(view)
    if obstacle:
        return Refused(f"{view.name}: {obstacle}; nothing was changed.")
    return Begin(view)


def _after(state: Rollout, request: Request) -> Answer:
    waits = state.phase is Phase.HELD or state.phase in STANDING
    if not waits or state.uri == request.uri:
        return Busy(state)
    return Refused(
        f"{state.service}: version {state.version} is {said(state.phase)} at {state.percent} % and "
        f"waits for a person, so version {request.version} was not begun. {state.reason}."
    )


def opening(view: ServiceView | None, request: Request, driver: Driver, now: float) -> Rollout:
    """Return the first state: the canary gets 0 % until it is up, or everything if nothing is."""
    stable = driver.stable_revision(view) if view else ""
    same_uri = view is not None and driver.requested(view)[0] == request.uri
    return Rollout(
        id=uuid.uuid4().hex,
        service=request.name,
        version=request.version,
        uri=request.uri,
        policy=request.policy,
        percent=0 if stable else None,
        since=now,
        stable=stable,
        created_before=driver.canary_revision(view) if view and not same_uri else "",
        from_version=live_version(view) if view else None,
        from_uri=live_uri(view) if view else None,
        run_id=request.run_id,
        undo=request.undo,
    )
