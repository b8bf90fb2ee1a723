"""Start a rollout: be admitted, take the service with one write, then carry it to its end."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import assert_never

from serving.errors import AlreadyExists, Conflict
from serving.isvc.capabilities import Case, Unsupported, fitness, mode_for
from serving.isvc.modes import Mode, annotation
from serving.isvc.resource import ROLLOUT, ServiceView, manifest, merge_patch
from serving.isvc.services import Unreachable
from serving.rollout.admission import AlreadyLive, Begin, Busy, Refused, admit, opening
from serving.rollout.following import see_through
from serving.rollout.lease import Claim, abandoned, leased, taken_by
from serving.rollout.noting import begun, gave_way
from serving.rollout.outcome import Event, Lost, Outcome, Request, concluded
from serving.rollout.state import Rollout, rollout_of
from serving.rollout.takeover import adopt, reopened, undone
from serving.rollout.world import World


def run(world: World, request: Request) -> Outcome:
    """Return how the rollout of this version ended; the service is created if there is none.

    Raises ServiceError where the API server refuses, stays away for longer than OUTAGE_S, or would
    ignore it silently, and LedgerError where what is decided cannot be written down.
    """
    return until_decided(world, request, lambda rollout: _attempt(world, request, rollout))


def until_decided(
    world: World, request: Request, attempt: Callable[[str], Outcome | None]
) -> Outcome:
    """Return what the attempts of a rollout, which get its id, came to; a conflict is written."""
    rollout = uuid.uuid4().hex

    def attempts() -> Outcome:
        try:
            return world.insist(request.name, lambda: attempt(rollout))
        except Lost as lost:
            gave_way(world, request.name, rollout, str(lost))
            raise

    return concluded(request.version, attempts)


def _attempt(world: World, request: Request, rollout: str) -> Outcome | None:
    """Return the outcome, or None where the service must be looked at again."""
    answer = admit(world.services.get(request.name), request, world.driver)
    match answer:
        case Begin(view):
            claim = take(world, request, view, rollout)
            return see_through(world, claim) if claim else None
        case AlreadyLive():
            world.recorder.promoted(request.name, request.version, ())
            return Outcome("promoted", request.version, request.version, "it was already live")
        case Busy(other):
            return _replace(world, request, other)
        case Refused(sentence):
            raise Lost(sentence)
    assert_never(answer)


def take(world: World, request: Request, view: ServiceView | None, rollout: str) -> Claim | None:
    """Return the claim on the service, None where somebody else was quicker.

    Raises Unsupported where the cluster would ignore what is written, before anything is.
    """
    mode = fit(world, request, view)
    view = replace(view, mode=mode) if view else None
    now = world.clock()
    state = leased(opening(view, request, world.driver, now), world.holder, now)
    live = f"version {state.from_version} is live" if state.from_version else "nothing is live yet"
    why = f"{'going back' if request.undo else 'rolling out'}; {live}"
    state = begun(world, replace(state, id=rollout), why)
    try:
        _write(world, state, view, mode)
    except (AlreadyExists, Conflict, Unreachable) as error:
        world.refusals.append(str(error))
        # A lost answer may stand for a change that was made: the object tells.
        found = world.find(request.name)
        other = rollout_of(found) if found else None
        if other is None or other.id != state.id:
            return None
    world.report(Event("begun", state.service, state.version, state.percent, why))
    return Claim.on(state)


def fit(world: World, request: Request, view: ServiceView | None) -> Mode:
    """Return the mode that the service is in or will be; tells what could not be found out."""
    facts = world.services.facts()
    mode = mode_for(view, world.mode, facts)
    found = fitness(Case(request.name, mode, facts, view))
    if found.refusal:
        raise Unsupported(found.refusal)
    for doubt in found.doubts:
        world.report(Event("warning", request.name, request.version, None, doubt))
    return mode


def _write(world: World, state: Rollout, view: ServiceView | None, mode: Mode) -> None:
    services, annotations = world.services, {ROLLOUT: state.to_json()}
    if view is None:
        # Knative is said only on demand: older releases of KServe call it by another name.
        said = annotation(mode) if mode is Mode.STANDARD or world.mode else {}
        place, told = services.namespace, {**said, **annotations}
        services.create(
            manifest(state.service, place, state.uri, annotations=told, account=world.account)
        )
        return
    said = annotation(mode) if mode is Mode.STANDARD else {}
    spec = world.driver.begin(view, state.uri, state.percent)
    services.patch(view.name, merge_patch(view, spec, {**said, **annotations}))


def _replace(world: World, request: Request, other: Rollout) -> Outcome | None:
    """Go on with the same version that somebody left, clear another one away, or stand back."""
    view = abandoned(world, other)
    if view is None:
        raise Lost(f"{request.name}: {taken_by(other)}; version {request.version} was not begun.")
    same = other.uri == request.uri
    claim = adopt(world, view, reopened if same else undone(request.version))
    if claim is None:
        return None
    outcome = see_through(world, claim)
    return outcome if same else None
