"""The decision on a shadow: both revisions were asked the same rows, the canary has no traffic yet.

A bad shadow ends the rollout at 0 %, as soon as it is known. Where all rows were asked and are too
few to prove the canary good, it goes on to the first live step, where it is judged by what clients
ask. A shadow that was not measured holds the rollout, or does what the policy says. To go on to
100 % without a verdict is never allowed here. Pure.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from serving.rollout.judge import Judgement, Verdict, judge_shadow
from serving.rollout.moves import go, hold, remembered, roll_back
from serving.rollout.observation import NotMeasured
from serving.rollout.outcome import EventKind
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
    if tally is not None and (tally.whole or _verdict(after, tally).verdict is Verdict.BAD):
        return _judged(after, sight.at, tally)
    if sight.at - state.since < state.policy.max_seconds:
        return Step(after, events=(event("looking", state, _progress(seen)),))
    if tally is not None and tally.shadowed.asked:
        return _judged(after, sight.at, tally)
    reason = seen.reason if isinstance(seen, NotMeasured) else "no row was asked"
    limit = f"{state.policy.max_seconds:g} s"
    return _judged(after, sight.at, Tally(trouble=f"after {limit}: {reason}"))


def _verdict(state: Rollout, tally: Tally) -> Judgement:
    if tally.trouble or not tally.shadowed.asked:
        return Judgement(Verdict.NOT_MEASURED)
    return judge_shadow(tally.shadowed, state.policy)


def _judged(state: Rollout, at: float, tally: Tally) -> Step:
    found = _verdict(state, tally)
    said = tally.sentence(state.policy.shadow_requests)
    after = remembered(state, found, said)
    grounds = "; ".join((said, *found.sentences))
    match found.verdict:
        case Verdict.GOOD:
            return _entered(after, at, "good", f"in the shadow: {grounds}")
        case Verdict.BAD:
            return roll_back(after, at, f"bad in the shadow: {grounds}")
        case Verdict.TOO_FEW if state.policy.steps[0] < 100:
            return _entered(after, at, "shadow", f"not bad in the shadow: {grounds}")
        case Verdict.TOO_FEW | Verdict.NOT_MEASURED:
            return _unsure(after, at, f"the shadow could not tell: {grounds}")
    assert_never(found.verdict)


def _entered(state: Rollout, at: float, kind: EventKind, sentence: str) -> Step:
    entered = go(state, at, step=0)
    return replace(entered, events=(event(kind, state, sentence), *entered.events))


def _unsure(state: Rollout, at: float, reason: str) -> Step:
    first = state.policy.steps[0]
    match state.policy.on_inconclusive:
        case "abort":
            return roll_back(state, at, reason)
        case "promote" if first < 100:
            return _entered(state, at, "shadow", reason)
        case "promote" | "hold":
            return hold(replace(state, asking=first), at, reason)
    assert_never(state.policy.on_inconclusive)


def _progress(seen: Tally | NotMeasured | None) -> str:
    if isinstance(seen, Tally):
        return f"in the shadow: {seen.shadowed.asked} of {seen.there} rows are asked"
    return f"in the shadow: {seen.reason}" if seen else "in the shadow: nobody was asked yet"
