"""The decision of a rollout: a state and one sight of the world in, the next state out. Pure.

    waiting ── canary ready ──> observing (10 %) ── GOOD ──> observing (25 %) … ──> promoting
       │                            │ BAD      │ too few, for too long                │
       └── failed, too late ──> rolling_back   └──> held, or as the policy says       │
                                    └── stable has 100 % ──> rolled_back   promoted <─┘

Every arrow is one patch of the InferenceService. Judgement begins when a split is live, not when
it was asked for: what an earlier split or an earlier version did must not count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import assert_never

from serving.rollout.judge import Case, Judgement, Verdict, judge
from serving.rollout.observation import NotMeasured, Observation
from serving.rollout.outcome import Event, EventKind
from serving.rollout.state import Judged, Phase, Rollout

STALE_S = 10.0


class Move(StrEnum):
    """The one thing to change in the spec, together with the state."""

    NOTHING = "nothing"
    SET_PERCENT = "set percent"
    PROMOTE = "promote"
    ROLL_BACK = "roll back"


@dataclass(frozen=True)
class Sight:
    """What one look at the service and its source showed, at the moment `at`."""

    at: float
    canary: str = ""
    stable: str = ""
    ready: bool = False
    failure: str | None = None
    complaint: str | None = None
    split: Mapping[str, int] = field(default_factory=dict)
    observation: Observation | NotMeasured | None = None


@dataclass(frozen=True)
class Step:
    """The next state, the change of the spec that goes with it, and what to tell.

    `stuck` says that the platform does not do what it was asked; then nothing is changed.
    """

    state: Rollout
    move: Move = Move.NOTHING
    events: tuple[Event, ...] = ()
    stuck: str | None = None


def advance(state: Rollout, sight: Sight) -> Step:
    """Return the next step; an unchanged state means: look again a little later."""
    match state.phase:
        case Phase.WAITING:
            return _wait(state, sight)
        case Phase.OBSERVING:
            return _observe(state, sight)
        case Phase.PROMOTING:
            return _finish_promotion(state, sight)
        case Phase.ROLLING_BACK:
            return _finish_rollback(state, sight)
        case Phase.PROMOTED | Phase.ROLLED_BACK | Phase.HELD:
            return Step(state)
    assert_never(state.phase)


def _wait(state: Rollout, sight: Sight) -> Step:
    is_new = sight.canary not in ("", state.created_before)
    if sight.stable != state.stable and not state.first:
        return _wrong_stable(state, sight)
    if is_new and sight.failure:
        return roll_back(state, sight.at, f"{sight.canary} did not come up: {sight.failure}")
    if is_new and sight.ready and (not state.first or _has_everything(sight.canary, sight)):
        return _first_percent(replace(state, canary=sight.canary), sight)
    if _late(state, sight):
        return roll_back(state, sight.at, _not_ready(state, sight))
    return Step(state, events=(_event("waiting", state, "waiting for the new revision"),))


def _first_percent(state: Rollout, sight: Sight) -> Step:
    if state.first:
        reason = f"version {state.version} is the first, so there was nothing to compare it with"
        return _done(state.because(reason), Phase.PROMOTED)
    return _go(state, sight.at, step=0)


def _go(state: Rollout, at: float, *, step: int) -> Step:
    """Enter a step; the one of 100 % is the promotion, since no stable revision is left beside."""
    percent = state.policy.steps[step]
    case = state.case.afresh(state.policy) if state.case else None
    fresh = replace(state, step=step, since=at, case=case, asked=0, baseline=None)
    if percent == 100:
        return promote(fresh, at, _why_promoted(state))
    split = replace(fresh, phase=Phase.OBSERVING, percent=percent)
    told = _event("split", split, f"{percent} % of the traffic goes to {state.canary}")
    return Step(split, Move.SET_PERCENT, (told,))


def _why_promoted(state: Rollout) -> str:
    if not state.history:
        return f"version {state.version} took over at once: its rollout has no step below 100 %"
    if not all(judged.verdict == Verdict.GOOD for judged in state.history):
        return f"version {state.version} was bad at no step, but not every one could be judged"
    steps = ", ".join(f"{judged.percent} %" for judged in state.history)
    return f"version {state.version} was good at {steps}"


def promote(state: Rollout, at: float, reason: str) -> Step:
    """Return the step that gives the canary everything."""
    promoting = replace(state, phase=Phase.PROMOTING, percent=None, since=at).because(reason)
    told = _event("split", replace(promoting, percent=100), f"all traffic goes to {state.canary}")
    return Step(promoting, Move.PROMOTE, (told,))


def roll_back(state: Rollout, at: float, reason: str) -> Step:
    """Return the step that takes the canary out; where nothing was live there is nowhere to go."""
    percent = None if state.first else 0
    back = replace(state, phase=Phase.ROLLING_BACK, percent=percent, since=at).because(reason)
    move = Move.NOTHING if state.first else Move.ROLL_BACK
    return Step(back, move, (_event("bad", back, reason),))


def hold(state: Rollout, reason: str) -> Step:
    """Return the step that leaves the split as it is and asks a person."""
    held = replace(state, phase=Phase.HELD).because(f"{reason}; {commands(state.service)}")
    return Step(held, events=(_event("held", held, held.reason),))


def commands(service: str) -> str:
    """Return what a person can do about a held rollout."""
    return f"go on with `kanarya rollout resume {service}`, or `promote` or `abort` in its place"


def _observe(state: Rollout, sight: Sight) -> Step:
    if sight.stable != state.stable:
        return _wrong_stable(state, sight)
    if sight.failure:
        return roll_back(state, sight.at, f"{state.canary} broke down: {sight.failure}")
    if state.baseline is None and not _split_is_live(state, sight):
        return _await_split(state, sight)
    seen = _fresh(sight)
    if isinstance(seen, NotMeasured):
        return _unsure(state, sight, Judgement(Verdict.NOT_MEASURED), seen.reason)
    if state.baseline is None or not seen.continues(state.baseline):
        return _start_counting(state, seen)
    return _weigh(state, sight, seen, state.baseline)


def _fresh(sight: Sight) -> Observation | NotMeasured:
    seen = sight.observation
    if seen is None:
        return NotMeasured("there is no source of metrics")
    if isinstance(seen, Observation) and sight.at - seen.at > STALE_S:
        return NotMeasured(f"the newest numbers are {sight.at - seen.at:.0f} s old")
    return seen


def _start_counting(state: Rollout, seen: Observation) -> Step:
    """Take the baseline; after a restart of the counters again, within the same time limit."""
    since = seen.at if state.baseline is None else state.since
    # What the stable revision did before the canary's first request is what it is known for.
    case = state.case or Case.against(seen.of(state.stable), state.policy)
    baseline = seen.only(state.canary, state.stable).grouped(case.labels)
    return Step(replace(state, case=case, baseline=baseline, since=since))


def _weigh(state: Rollout, sight: Sight, seen: Observation, baseline: Observation) -> Step:
    canary, stable = (
        seen.of(revision).since(baseline.of(revision)) for revision in (state.canary, state.stable)
    )
    before, policy = state.case or Case(), state.policy
    case = before.after(canary, stable, policy, state.percent or 0)
    after = replace(
        state,
        case=case,
        asked=state.asked + canary.requests,
        baseline=seen.only(state.canary, state.stable).grouped(case.labels),
    )
    found = judge(case, after.asked, policy)
    match found.verdict:
        case Verdict.GOOD:
            return _good(after, sight, found)
        case Verdict.BAD:
            reason = "; ".join(found.sentences)
            return roll_back(_remembered(after, found), sight.at, reason)
        case Verdict.TOO_FEW | Verdict.NOT_MEASURED:
            step = _unsure(after, sight, found, _missing(found, after.asked))
            # A look alone is no reason to write; half of what is known being new is one.
            is_idle = step.state is after and not before.can_learn_from(canary, stable)
            return replace(step, state=state) if is_idle else step
    assert_never(found.verdict)


def _good(state: Rollout, sight: Sight, found: Judgement) -> Step:
    after = _go(_remembered(state, found), sight.at, step=state.step + 1)
    told = _event("good", state, "; ".join(found.sentences))
    return replace(after, events=(told, *after.events))


def _unsure(state: Rollout, sight: Sight, found: Judgement, why: str) -> Step:
    """Look on until the step's time is over; numbers that are missing can never promote."""
    if sight.at - state.since < state.policy.max_seconds:
        return Step(state, events=(_event("looking", state, why),))
    remembered = _remembered(state, found)
    reason = f"no verdict at {state.percent} % after {state.policy.max_seconds:g} s: {why}"
    match state.policy.on_inconclusive:
        case "abort":
            return roll_back(remembered, sight.at, reason)
        case "promote" if found.verdict is Verdict.TOO_FEW:
            return _go(remembered, sight.at, step=state.step + 1)
        case "promote" | "hold":
            return hold(remembered, reason)
    assert_never(state.policy.on_inconclusive)


def _finish_promotion(state: Rollout, sight: Sight) -> Step:
    if _has_everything(state.canary, sight):
        return _done(state, Phase.PROMOTED)
    return _confirm(state, sight, f"{state.canary} was to get all of the traffic")


def _finish_rollback(state: Rollout, sight: Sight) -> Step:
    if state.first or _has_everything(state.stable, sight):
        return _done(state, Phase.ROLLED_BACK)
    return _confirm(state, sight, f"{state.stable} was to get all of the traffic back")


def _confirm(state: Rollout, sight: Sight, wish: str) -> Step:
    if not _late(state, sight):
        return Step(state)
    problem = f"{wish}, but the platform has not done it after {state.policy.ready_timeout_s:g} s"
    return Step(state, stuck=f"{problem}; look at `kubectl describe isvc {state.service}`")


def _await_split(state: Rollout, sight: Sight) -> Step:
    if not _late(state, sight):
        return Step(state)
    timeout = f"did not go live within {state.policy.ready_timeout_s:g} s"
    return roll_back(state, sight.at, f"the split of {state.percent} % {timeout}")


def _wrong_stable(state: Rollout, sight: Sight) -> Step:
    """Hold: KServe took another revision for the stable one (a known race); 0 % would go there."""
    found = f"the rest of the traffic goes to {sight.stable or 'no revision'}, not {state.stable}"
    return hold(state, found)


def _done(state: Rollout, phase: Phase) -> Step:
    done = replace(state, phase=phase, baseline=None)
    kind: EventKind = "promoted" if phase is Phase.PROMOTED else "rolled_back"
    return Step(done, events=(_event(kind, done, done.reason),))


def _has_everything(revision: str, sight: Sight) -> bool:
    return sight.stable == revision and sight.split.get(revision, 0) == 100


def _split_is_live(state: Rollout, sight: Sight) -> bool:
    percent = state.percent or 0
    shares = (sight.split.get(state.canary, 0), sight.split.get(state.stable, 0))
    return shares == (percent, 100 - percent)


def _late(state: Rollout, sight: Sight) -> bool:
    return sight.at - state.since >= state.policy.ready_timeout_s


def _not_ready(state: Rollout, sight: Sight) -> str:
    said = f" ({sight.complaint})" if sight.complaint else ""
    limit = f"{state.policy.ready_timeout_s:g} s"
    return f"no ready revision of version {state.version} after {limit}{said}"


def _missing(found: Judgement, had: int) -> str:
    return f"the canary had {had} requests, {found.needed} more are needed"


def _remembered(state: Rollout, found: Judgement) -> Rollout:
    return state.remember(Judged(state.percent or 0, found.verdict.value, found.sentences))


def _event(kind: EventKind, state: Rollout, sentence: str) -> Event:
    return Event(kind, state.service, state.version, state.percent, sentence)
