"""Where a rollout can go: every change of phase, for the loop and for people. Pure.

Nothing here asks whether the time is right; `advance` and `manual` do.
"""

from __future__ import annotations

from dataclasses import replace

from serving.rollout.judge import Judgement, Verdict
from serving.rollout.measured import measured
from serving.rollout.outcome import EventKind
from serving.rollout.state import IN_THE_SHADOW, LONGEST_REASON, Judged, Phase, Rollout
from serving.rollout.step import Move, Step, event


def go(state: Rollout, at: float, *, step: int, approved: bool = False) -> Step:
    """Enter a step, or ask a person for it where the policy says so.

    The one of 100 % is the promotion, since no stable revision is left beside.
    """
    percent = state.policy.steps[step]
    if percent in state.policy.approve and not approved:
        return ask(state, at, percent)
    case = state.case.afresh(state.policy) if state.case else None
    fresh = replace(state, step=step, since=at, case=case, asked=0, baseline=None, asking=0)
    if percent == 100:
        return promote(fresh, at, _why_promoted(state))
    split = replace(fresh, phase=Phase.OBSERVING, percent=percent, reason="")
    told = event("split", split, f"{percent} % of the traffic goes to {state.canary}")
    return Step(split, Move.SET_PERCENT, (told,))


def ask(state: Rollout, at: float, percent: int) -> Step:
    """Wait for a person's approval of a percent, and look on meanwhile."""
    reason = f"waits for approval of {percent} %: `kanarya rollout approve {state.service}`"
    asking = replace(state, phase=Phase.APPROVAL, asking=percent, since=at).because(reason)
    return Step(asking, events=(event("asks", asking, asking.reason),))


def approve(state: Rollout, at: float) -> Step:
    """Enter the step that was waited for."""
    entered = go(state, at, step=state.policy.steps.index(state.asking), approved=True)
    if entered.state.phase is not Phase.PROMOTING:
        return entered
    reason = f"{entered.state.reason}, and a person approved it"
    return replace(entered, state=entered.state.because(reason))


def pause(state: Rollout, at: float, reason: str) -> Step:
    """Keep the split as it is until a person says otherwise, and look on meanwhile."""
    paused = replace(state, phase=Phase.PAUSED, since=at).because(reason)
    return Step(paused, events=(event("held", paused, reason),))


def reopen(state: Rollout, at: float) -> Step:
    """Go on where it stopped, with the whole time of its step again."""
    phase = Phase.OBSERVING if state.percent else Phase.WAITING
    shadow = None if phase is Phase.WAITING else state.shadow
    return Step(replace(state, phase=phase, since=at, reason="", asking=0, shadow=shadow))


def promote(state: Rollout, at: float, reason: str) -> Step:
    """Return the step that gives the canary everything."""
    promoting = replace(state, phase=Phase.PROMOTING, percent=None, since=at, asking=0)
    told = event("split", replace(promoting, percent=100), f"all traffic goes to {state.canary}")
    return Step(promoting.because(reason), Move.PROMOTE, (told,))


def roll_back(state: Rollout, at: float, reason: str) -> Step:
    """Return the step that takes the canary out; where nothing was live there is nowhere to go."""
    percent = None if state.first else 0
    back = replace(state, phase=Phase.ROLLING_BACK, percent=percent, since=at, asking=0)
    move = Move.NOTHING if state.first else Move.ROLL_BACK
    return Step(back.because(reason), move, (event("bad", back, reason),))


def hold(state: Rollout, at: float, reason: str) -> Step:
    """Return the step that leaves the split as it is and asks a person."""
    then = commands(state)
    why = reason[: LONGEST_REASON - len(then) - 2]
    held = replace(state, phase=Phase.HELD, since=at).because(f"{why}; {then}")
    return Step(held, events=(event("held", held, held.reason),))


def reason_alone(state: Rollout) -> str:
    """Return why it stands where it does, without what a person can do about it."""
    return state.reason.removesuffix(f"; {commands(state)}")


def commands(state: Rollout) -> str:
    """Return what a person can do about a held rollout."""
    resume = f"go on with `kanarya rollout resume {state.service}`"
    others = "`promote` or `abort` in its place"
    if state.asking:
        others = f"`approve` {state.asking} %, or {others}"
    return f"{resume}, {'or ' if not state.asking else ''}{others}"


def done(state: Rollout, phase: Phase) -> Step:
    """Return the end, promoted or rolled back."""
    ended = replace(state, phase=phase, baseline=None)
    kind: EventKind = "promoted" if phase is Phase.PROMOTED else "rolled_back"
    return Step(ended, events=(event(kind, ended, ended.reason),))


def remembered(state: Rollout, found: Judgement, *more: str) -> Rollout:
    """Return the state with a judgement in its history; `more` was found as well."""
    grounds, percent = (*more, *found.sentences), state.percent or 0
    numbers = measured(state.case, found, state.policy, percent)
    return state.remember(Judged(percent, found.verdict.value, grounds, numbers))


def late(state: Rollout, at: float) -> bool:
    """Say whether the platform has had the time to do what it was asked."""
    return at - state.since >= state.policy.ready_timeout_s


def _why_promoted(state: Rollout) -> str:
    name = f"version {state.version}"
    live = [judged for judged in state.history if judged.percent]
    shadow = [judged.verdict for judged in state.history if not judged.percent][-1:]
    good = [f"in {IN_THE_SHADOW}"] if shadow == [Verdict.GOOD] else []
    if not live:
        lead = f"{name} was good {good[0]} and" if good else name
        return f"{lead} took over at once: its rollout has no step below 100 %"
    if not all(judged.verdict == Verdict.GOOD for judged in live):
        return f"{name} was bad at no step, but not every one could be judged"
    percents = ", ".join(f"{judged.percent} %" for judged in live)
    return f"{name} was good {', '.join((*good, f'at {percents}'))}"
