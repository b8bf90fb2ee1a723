"""The decision on a shadow: both revisions were asked the same rows, the canary has no traffic yet.

A bad shadow ends the rollout at 0 %. One that could not tell holds it, or does what the policy
says; going on to the first live step without its verdict promotes nothing, so that is allowed, but
to go on to 100 % is not. Pure.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from serving.rollout.judge import Judgement, Verdict, judge_shadow
from serving.rollout.moves import go, hold, remembered, roll_back
from serving.rollout.observation import NotMeasured
from serving.rollout.shadow_tally import Tally
from serving.rollout.state import Phase, Rollout
from serving.rollout.step import Sight, Step, event


def begin(state: Rollout, at: float) -> Step:
    """Begin the shadow, or enter the first step where none is asked for."""
    if not state.policy.shadow_requests:
        return go(state, at, step=0)
    rows = f"up to {state.policy.shadow_requests} rows are asked of both revisions"
    shadowing = replace(state, phase=Phase.SHADOWING, since=at)
    return Step(shadowing, events=(event("shadow", shadowing, f"in the shadow: {rows}"),))


def look(state: Rollout, sight: Sight) -> Step:
    """Return the next step of a rollout that is shadowing."""
    seen = sight.shadow
    after = state
    if isinstance(seen, Tally) and seen != state.shadow:
        after = replace(state, shadow=seen)
    tally = after.shadow
    if tally is not None and tally.whole:
        return _judged(after, sight.at, tally)
    if sight.at - state.since < state.policy.max_seconds:
        return Step(after, events=(event("looking", state, _progress(seen)),))
    if tally is not None and tally.shadowed.asked:
        return _judged(after, sight.at, tally)
    reason = seen.reason if isinstance(seen, NotMeasured) else "no row was asked"
    limit = f"{state.policy.max_seconds:g} s"
    return _judged(after, sight.at, Tally(trouble=f"after {limit}: {reason}"))


def _judged(state: Rollout, at: float, tally: Tally) -> Step:
    found = Judgement(Verdict.NOT_MEASURED)
    if not tally.trouble:
        found = judge_shadow(tally.shadowed, state.policy)
    said = tally.sentence(state.policy.shadow_requests)
    after = remembered(state, found, said)
    grounds = "; ".join((said, *found.sentences, *tally.shadowed.examples))
    match found.verdict:
        case Verdict.GOOD:
            entered = go(after, at, step=0)
            told = event("good", state, "; ".join((f"in the shadow: {said}", *found.sentences)))
            return replace(entered, events=(told, *entered.events))
        case Verdict.BAD:
            return roll_back(after, at, f"bad in the shadow: {grounds}")
        case Verdict.TOO_FEW | Verdict.NOT_MEASURED:
            return _unsure(after, at, f"the shadow could not tell: {grounds}")
    assert_never(found.verdict)


def _unsure(state: Rollout, at: float, reason: str) -> Step:
    first = state.policy.steps[0]
    match state.policy.on_inconclusive:
        case "abort":
            return roll_back(state, at, reason)
        case "promote" if first < 100:
            entered = go(state, at, step=0)
            return replace(entered, events=(event("shadow", state, reason), *entered.events))
        case "promote" | "hold":
            return hold(replace(state, asking=first), reason)
    assert_never(state.policy.on_inconclusive)


def _progress(seen: Tally | NotMeasured | None) -> str:
    if isinstance(seen, Tally):
        return f"in the shadow: {seen.shadowed.asked} of {seen.there} rows are asked"
    return f"in the shadow: {seen.reason}" if seen else "in the shadow: nobody was asked yet"
