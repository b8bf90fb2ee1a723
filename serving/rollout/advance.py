"""The decision of a rollout: a state and one sight of the world in, the next state out. Pure.

    waiting ── canary ready ──> shadowing (0 %) ── GOOD ──> observing (10 %) ── GOOD ──> …
       │                            │ BAD                       │ BAD
       └── failed, too late ────────┴──> rolling_back <─────────┘
                                              └── stable has 100 % ──> rolled_back

    … observing (50 %) ── GOOD ──> awaiting_approval ── approved ──> promoting ──> promoted

Where there is no verdict for too long it is held, or goes on or back as the policy says. A step
that a person must approve, or a pause that a person makes, is a phase that looks on: a canary that
turns bad meanwhile is rolled back. Every phase has its limit of time (docs/how-it-works.md).

Every arrow is one patch of the InferenceService. Judgement begins when a split is live, not when
it was asked for: what an earlier split or an earlier version did must not count.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from serving.rollout import shadowing
from serving.rollout.judge import Case, Judgement, Verdict, judge
from serving.rollout.moves import done, go, hold, late, reason_alone, remembered, roll_back
from serving.rollout.observation import Counts, NotMeasured, Observation
from serving.rollout.state import STANDING, Phase, Rollout
from serving.rollout.step import Sight, Step, event

STALE_S = 10.0


def advance(state: Rollout, sight: Sight) -> Step:
    """Return the next step; an unchanged state means: look again a little later."""
    match state.phase:
        case Phase.WAITING:
            return _wait(state, sight)
        case Phase.SHADOWING:
            return _broken(state, sight) or shadowing.look(state, sight)
        case Phase.OBSERVING:
            return _broken(state, sight) or _observe(state, sight)
        case Phase.APPROVAL | Phase.PAUSED:
            return _stand(state, sight)
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
    if late(state, sight.at):
        return roll_back(state, sight.at, _not_ready(state, sight))
    return Step(state, events=(event("waiting", state, "waiting for the new revision"),))


def _first_percent(state: Rollout, sight: Sight) -> Step:
    if state.first:
        reason = f"version {state.version} is the first, so there was nothing to compare it with"
        return done(state.because(reason), Phase.PROMOTED)
    return shadowing.begin(state, sight.at)


def _broken(state: Rollout, sight: Sight) -> Step | None:
    if sight.stable != state.stable:
        return _wrong_stable(state, sight)
    if sight.failure:
        return roll_back(state, sight.at, f"{state.canary} broke down: {sight.failure}")
    return None


def _stand(state: Rollout, sight: Sight) -> Step:
    """Look on while a person is waited for."""
    if not state.canary:  # paused before there was one
        return _wait_for_a_person(state, sight.at)
    broken = _broken(state, sight)
    if broken or not state.percent:
        return broken or _wait_for_a_person(state, sight.at)
    return _observe(state, sight)


def _wait_for_a_person(state: Rollout, at: float) -> Step:
    """Stop looking on when the time is over: a decision that nobody made promotes nothing."""
    limit = state.policy.max_seconds
    if at - state.since < limit:
        return Step(state, events=(event("looking", state, state.reason),))
    if state.phase is Phase.APPROVAL and state.policy.on_inconclusive == "abort":
        return roll_back(state, at, f"nobody approved {state.asking} % within {limit:g} s")
    if state.phase is Phase.APPROVAL:
        return hold(state, at, f"nobody approved {state.asking} % within {limit:g} s")
    return hold(state, at, f"{reason_alone(state)} for {limit:g} s")


def _observe(state: Rollout, sight: Sight) -> Step:
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
    before, (canary, stable) = state.case or Case(), _new(state, seen, baseline)
    after = gathered(state, seen, baseline)
    step = _decided(after, sight, weighed(after))
    # A look alone is no reason to write; half of what is known being new is one.
    is_idle = step.state is after and not before.can_learn_from(canary, stable)
    return replace(step, state=state) if is_idle else step


def gathered(state: Rollout, seen: Observation, baseline: Observation) -> Rollout:
    """Return the state with what was counted since its baseline."""
    canary, stable = _new(state, seen, baseline)
    case = (state.case or Case()).after(canary, stable, state.policy, state.percent or 0)
    now = seen.only(state.canary, state.stable).grouped(case.labels)
    return replace(state, case=case, asked=state.asked + canary.requests, baseline=now)


def weighed(state: Rollout) -> Judgement:
    """Return what the judge says of what was gathered."""
    return judge(state.case or Case(), state.asked, state.policy)


def _new(state: Rollout, seen: Observation, baseline: Observation) -> tuple[Counts, Counts]:
    """Return what the canary and the stable revision were asked since the baseline."""
    revisions = (state.canary, state.stable)
    canary, stable = (seen.of(each).since(baseline.of(each)) for each in revisions)
    return canary, stable


def _decided(state: Rollout, sight: Sight, found: Judgement) -> Step:
    match found.verdict:
        case Verdict.GOOD:
            return _good(state, sight, found)
        case Verdict.BAD:
            reason = "; ".join(found.sentences)
            return roll_back(remembered(state, found), sight.at, reason)
        case Verdict.TOO_FEW | Verdict.NOT_MEASURED:
            return _unsure(state, sight, found, _missing(found, state.asked))
    assert_never(found.verdict)


def _good(state: Rollout, sight: Sight, found: Judgement) -> Step:
    if state.phase in STANDING:
        return _wait_for_a_person(state, sight.at)
    after = go(remembered(state, found), sight.at, step=state.step + 1)
    told = event("good", state, "; ".join(found.sentences))
    return replace(after, events=(told, *after.events))


def _unsure(state: Rollout, sight: Sight, found: Judgement, why: str) -> Step:
    """Look on until the step's time is over; numbers that are missing can never promote."""
    if state.phase in STANDING:
        return _wait_for_a_person(state, sight.at)
    if sight.at - state.since < state.policy.max_seconds:
        return Step(state, events=(event("looking", state, why),))
    judged = remembered(state, found)
    reason = f"no verdict at {state.percent} % after {state.policy.max_seconds:g} s: {why}"
    match state.policy.on_inconclusive:
        case "abort":
            return roll_back(judged, sight.at, reason)
        case "promote" if found.verdict is Verdict.TOO_FEW:
            return go(judged, sight.at, step=state.step + 1)
        case "promote" | "hold":
            return hold(judged, sight.at, reason)
    assert_never(state.policy.on_inconclusive)


def _finish_promotion(state: Rollout, sight: Sight) -> Step:
    if _has_everything(state.canary, sight):
        return done(state, Phase.PROMOTED)
    return _confirm(state, sight, f"{state.canary} was to get all of the traffic")


def _finish_rollback(state: Rollout, sight: Sight) -> Step:
    if state.first or _has_everything(state.stable, sight):
        return done(state, Phase.ROLLED_BACK)
    return _confirm(state, sight, f"{state.stable} was to get all of the traffic back")


def _confirm(state: Rollout, sight: Sight, wish: str) -> Step:
    if not late(state, sight.at):
        return Step(state)
    problem = f"{wish}, but the platform has not done it after {state.policy.ready_timeout_s:g} s"
    return Step(state, stuck=f"{problem}; look at `kubectl describe isvc {state.service}`")


def _await_split(state: Rollout, sight: Sight) -> Step:
    if not late(state, sight.at):
        return Step(state)
    timeout = f"did not go live within {state.policy.ready_timeout_s:g} s"
    return roll_back(state, sight.at, f"the split of {state.percent} % {timeout}")


def _wrong_stable(state: Rollout, sight: Sight) -> Step:
    """Hold: KServe took another revision for the stable one (a known race); 0 % would go there."""
    found = f"the rest of the traffic goes to {sight.stable or 'no revision'}, not {state.stable}"
    return hold(state, sight.at, found)


def _has_everything(revision: str, sight: Sight) -> bool:
    return sight.stable == revision and sight.split.get(revision, 0) == 100


def _split_is_live(state: Rollout, sight: Sight) -> bool:
    percent = state.percent or 0
    shares = (sight.split.get(state.canary, 0), sight.split.get(state.stable, 0))
    return shares == (percent, 100 - percent)


def _not_ready(state: Rollout, sight: Sight) -> str:
    said = f" ({sight.complaint})" if sight.complaint else ""
    limit = f"{state.policy.ready_timeout_s:g} s"
    return f"no ready revision of version {state.version} after {limit}{said}"


def _missing(found: Judgement, had: int) -> str:
    verb = "is" if found.needed == 1 else "are"
    return f"the canary had {had} request{'s' * (had != 1)}, {found.needed} more {verb} needed"
