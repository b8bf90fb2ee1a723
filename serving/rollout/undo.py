"""Go back to a version that was live before, as the ledger has it: one level, many, or by name.

Where the wanted version is KServe's own previous revision, percent 0 brings it back at once, still
warm. Every other one begins a rollout of its own that has no step below 100 %: its revision comes
up with 0 % and takes over when it is ready. Either way its bytes are compared with the sha256 that
the ledger has of them before anything is patched; where nobody could read the manifest when its
rollout began, there is nothing to compare.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import assert_never

from serving.errors import ModelError, UsageError
from serving.isvc.resource import ServiceView
from serving.published import check_unchanged
from serving.rollout.admission import AlreadyLive, Begin, Busy, Refused, admit
from serving.rollout.begin import take, until_decided
from serving.rollout.following import see_through
from serving.rollout.lease import taken_by
from serving.rollout.ledger import LedgerError
from serving.rollout.live import Live, back, ever_live, standing
from serving.rollout.manual import decide, status
from serving.rollout.manual import standing as told
from serving.rollout.moves import roll_back
from serving.rollout.outcome import Lost, Outcome, Request
from serving.rollout.record import Model, Record
from serving.rollout.state import Phase, Rollout, live_uri, rollout_of
from serving.rollout.step import Step
from serving.rollout.world import World

Check = Callable[[str, str], None]


@dataclass(frozen=True)
class Wish:
    """How many levels back, or to which version."""

    levels: int = 1
    version: str | None = None


def rollback(
    world: World, name: str, wish: Wish | None = None, check: Check = check_unchanged
) -> Outcome:
    """Bring a version back that was live before; it is live when this returns.

    Raises NotFound, UsageError where there is nothing to go back to, LedgerError where the ledger
    is not as it was written, and ModelError where the model's bytes are not.
    """
    view = world.read(name)
    state = status(world, name)
    if not state.over:
        hint = f"stop a running one with `kanarya rollout abort {name}`"
        raise UsageError(f"{name}: {told(state)}, so there is nothing to undo; {hint}.")
    target = _target(world, view, state, wish or Wish())
    _compared(name, target, check)
    if _is_warm(world, view, state, target):
        return _by_percent(world, name, state, target)
    return _by_rollout(world, name, state, target)


def _target(world: World, view: ServiceView, state: Rollout, wish: Wish) -> Model:
    chain = world.ledger.chain(view.name)
    if state.ledger and not chain.holds(state.ledger):
        raise LedgerError(missing(view.name, state.ledger))
    if wish.version is not None:
        return _named(view, chain.records, wish.version)
    now = standing(chain.records).live
    if now is None:
        return _unrecorded(view, state, wish)
    if now.model.uri != live_uri(view):
        raise UsageError(
            f"{view.name}: by its ledger {now.model} is live, but it was changed by hand since; "
            "say where to with --to VERSION."
        )
    found = back(chain.records, wish.levels)
    if found is None:
        raise UsageError(f"{view.name}: {_too_far(now)}")
    return found


def _too_far(now: Live) -> str:
    older = list(now.older())
    if not older:
        return f"no version is known that was live before {now.model}."
    most = f"--levels goes from 1 to {len(older)}" if older[1:] else "--levels can only be 1"
    return f"only {len(older)} went live before {now.model}: {most}."


def missing(name: str, receipt: str) -> str:
    """Return the sentence on a ledger that lacks what the service knows to be in it."""
    seq, _, sha256 = receipt.partition(":")
    return (
        f"{name}: its ledger does not hold record {seq} with sha256 {sha256[:12]}…, which the "
        "service keeps the number of: it was taken away or changed, or KANARYA_LEDGER names "
        "another place."
    )


def _named(view: ServiceView, records: tuple[Record, ...], version: str) -> Model:
    found = ever_live(records)
    wanted = next((model for model in found if model.version == version), None)
    if wanted is None:
        known = ", ".join(str(model.version) for model in found) or "none"
        raise UsageError(
            f"{view.name}: version {version} was never live by its ledger; those that were: "
            f"{known}."
        )
    if wanted.uri == live_uri(view):
        raise UsageError(f"{view.name}: version {version} is live already.")
    return wanted


def _unrecorded(view: ServiceView, state: Rollout, wish: Wish) -> Model:
    """Return what was live before a promotion that is older than the ledger."""
    if state.phase is not Phase.PROMOTED or state.first or wish.levels != 1:
        raise UsageError(f"{view.name}: {told(state)}, and its ledger has nothing to go back to.")
    return Model(state.from_version, state.from_uri)


def _compared(name: str, target: Model, check: Check) -> None:
    if target.uri is None or target.sha256 is None:
        return
    try:
        check(target.uri, target.sha256)
    except ModelError as error:
        raise ModelError(f"{name} was not taken back to {target}: {error}") from error


def _is_warm(world: World, view: ServiceView, state: Rollout, target: Model) -> bool:
    """Say whether the target is the revision that KServe itself goes back to."""
    previous = world.driver.previous_revision(view)
    is_stable = state.phase is Phase.PROMOTED and not state.first and previous == state.stable
    return is_stable and target.same(Model(state.from_version, state.from_uri))


def _by_percent(world: World, name: str, seen: Rollout, target: Model) -> Outcome:
    def edit(state: Rollout, now: float) -> Step:
        _unmoved(state, seen)
        return roll_back(state, now, _by_hand(target))

    return decide(world, name, edit)


def _by_rollout(world: World, name: str, seen: Rollout, target: Model) -> Outcome:
    if target.version is None or target.uri is None:
        raise UsageError(f"{name}: {target} has no version, so it cannot be rolled out again.")
    # It was live before, and a person wants it back: there is nothing to ask of anybody.
    policy = replace(seen.policy, steps=(100,), shadow_requests=0, approve=())
    request = Request(name, target.version, target.uri, policy, undo=True)

    def attempt(rollout: str) -> Outcome | None:
        view = world.read(name)
        _unmoved(rollout_of(view), seen)
        answer = admit(view, request, world.driver)
        if not isinstance(answer, Begin):
            raise Lost(f"{name}: {_obstacle(answer)}")
        claim = take(world, request, view, rollout)
        return see_through(world, claim) if claim else None

    outcome = until_decided(world, request, attempt)
    if outcome.kind != "promoted":
        return outcome
    return Outcome(
        "rolled_back",
        version=seen.live_version or seen.version,
        live_version=outcome.live_version,
        reason=_by_hand(target),
    )


def _by_hand(target: Model) -> str:
    return f"gone back to {target} by hand"


def _obstacle(answer: AlreadyLive | Busy | Refused) -> str:
    match answer:
        case AlreadyLive():
            return "it is live already; nothing was changed."
        case Busy(other):
            return f"{taken_by(other)}; nothing was changed."
        case Refused(sentence):
            return sentence
    assert_never(answer)


def _unmoved(state: Rollout | None, seen: Rollout) -> None:
    """Raise Lost where another rollout has begun since the decision was made."""
    if state is None or (state.id, state.phase) != (seen.id, seen.phase):
        who = taken_by(state) if state else "the rollout's annotation was taken away"
        raise Lost(f"{seen.service}: {who}; nothing was changed.")
