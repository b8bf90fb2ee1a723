"""Whether a live model is to be trained again, and why: values in, a decision out.

In this order: a run of the model that goes on is waited for; something must ask for it; nobody must
have paused it; the last one must be long enough ago; the budget must have room; and the data must
not be what a run with the same spec has learned from already.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from pipelines.cron import following
from pipelines.retrain_spec import Drift, Live, Retrain

Verdict = Literal["retrain", "quiet", "busy", "paused", "cooling", "spent", "pointless"]
Cause = Literal["drift", "live", "data", "schedule", "person", ""]
HOUR_S = 3600.0


@dataclass(frozen=True)
class Window:
    """A window of traffic: whether it drifted, and what it is about."""

    drifted: bool
    sentence: str = ""


@dataclass(frozen=True)
class Measured:
    """A metric of a version by labels that came in later, with its interval."""

    value: float
    low: float
    high: float
    labels: int


@dataclass(frozen=True)
class Past:
    """A run that was started by itself; `began`, `ended` in UTC, None while it goes on."""

    run_id: str
    began: datetime
    ended: datetime | None = None

    def seconds(self, now: datetime) -> float:
        """Return how long it took, up to now where it goes on."""
        return max(0.0, ((self.ended or now) - self.began).total_seconds())


@dataclass(frozen=True)
class Data:
    """What lies at `data.uri` now.

    `learned`: the sha256 that the live version learned from; `tried`: a run with the same spec
    that has learned from what is there now, "" where there is none; `settled`: nobody writes it.
    """

    sha256: str
    learned: str
    tried: str = ""
    settled: bool = True


@dataclass(frozen=True)
class Facts:
    """What is known of a live model at the moment `now` (UTC).

    since     when the run that made the version began
    windows   of this version, the oldest first
    live      by metric; empty where no labels came in
    past      runs that were started by themselves, in any order
    busy      a run or rollout that goes on, in words; "" where there is none
    paused_by whoever wants none to be started by itself, "" where nobody does
    let_go    up to when the schedule has been heeded, None before the first time
    data      None: nobody has looked yet
    """

    now: datetime
    version: str
    since: datetime
    windows: tuple[Window, ...] = ()
    live: Mapping[str, Measured] | None = None
    past: tuple[Past, ...] = ()
    busy: str = ""
    paused_by: str = ""
    let_go: datetime | None = None
    data: Data | None = None


@dataclass(frozen=True)
class Decision:
    """What is decided, what asked for it, and a sentence that says why."""

    verdict: Verdict
    cause: Cause
    sentence: str


def decide(policy: Retrain, facts: Facts, asked_by: str = "") -> Decision:
    """Return the decision; where it is "retrain" without `facts.data`, that must be looked at.

    `asked_by`: a person who wants it now, whatever the policy's triggers, cooldown and budget say.
    """
    if facts.busy:
        return Decision("busy", "", f"{facts.busy}; it is waited for")
    if asked_by:
        found: tuple[Cause, str] = ("person", f"{asked_by} asked for it")
        return _pointless(facts, *found) or Decision("retrain", *found)
    first = next(_causes(policy, facts), None)
    if first is None:
        return Decision("quiet", "", _nothing(policy, facts))
    if facts.paused_by:
        return Decision("paused", first[0], f"{first[1]}; but {facts.paused_by} has paused it")
    return (
        _cooling(policy, facts, *first)
        or _spent(policy, facts, *first)
        or _unsettled(facts, *first)
        or _pointless(facts, *first)
        or Decision("retrain", *first)
    )


def heeded(policy: Retrain, facts: Facts, decision: Decision) -> datetime | None:
    """Return up to when the schedule has been heeded, once this is decided.

    A time that comes while the cooldown or the budget forbids it is let go, not made up for.
    """
    schedule = policy.when.schedule
    waits = decision.verdict in ("busy", "quiet")
    if schedule is None or waits or _due(schedule, facts) is None:
        return facts.let_go
    return facts.now


def _causes(policy: Retrain, facts: Facts) -> Iterator[tuple[Cause, str]]:
    """Yield what asks for it and in which words, the gravest first."""
    when = policy.when
    if when.live and (why := _wrong(when.live, facts)):
        yield "live", why
    if when.drift and (why := _drifted(when.drift, facts)):
        yield "drift", why
    if when.data and (why := _changed(facts)):
        yield "data", why
    if when.schedule and (time := _due(when.schedule, facts)):
        yield "schedule", f"its schedule asked for it at {told(time)}"


def _wrong(asked: Live, facts: Facts) -> str:
    metric = asked.metric or ""
    found = (facts.live or {}).get(metric)
    if found is None or found.labels < asked.labels:
        return ""
    surely = found.high < asked.floor if metric == "accuracy" else found.low > asked.floor
    if not surely:
        return ""
    side = "below" if metric == "accuracy" else "above"
    return (
        f"{metric} of version {facts.version} is {found.value:.4g} on {found.labels:,} labels, "
        f"{found.low:.4g} to {found.high:.4g}: {side} {asked.floor:g}"
    )


def _drifted(asked: Drift, facts: Facts) -> str:
    newest = facts.windows[-asked.of :]
    drifted = sum(window.drifted for window in newest)
    if drifted < asked.windows or not newest[-1].drifted:
        return ""
    return (
        f"{drifted} of the last {len(newest)} windows of version {facts.version} drifted, the "
        f"newest of them: {newest[-1].sentence.rstrip('.')}"
    )


def _changed(facts: Facts) -> str:
    data = facts.data
    if data is None or not data.settled or data.sha256 == data.learned:
        return ""
    return (
        f"the data is not what version {facts.version} learned from (sha256 {data.sha256[:12]}, "
        f"then {data.learned[:12]})"
    )


def _due(schedule: str, facts: Facts) -> datetime | None:
    """Return the first time that has come since the last one was heeded."""
    heeded = [facts.since, *(run.began for run in facts.past)]
    after = max([*heeded, facts.let_go] if facts.let_go else heeded)
    times = following(schedule, after, 1)
    return times[0] if times and times[0] <= facts.now else None


def _cooling(policy: Retrain, facts: Facts, cause: Cause, why: str) -> Decision | None:
    last = max(facts.past, key=lambda run: run.began, default=None)
    if last is None:
        return None
    until = (last.ended or last.began) + timedelta(hours=policy.cooldown_hours)
    if until <= facts.now:
        return None
    return Decision(
        "cooling", cause, f"{why}; but {last.run_id} was one, so not before {told(until)}"
    )


def _spent(policy: Retrain, facts: Facts, cause: Cause, why: str) -> Decision | None:
    budget = policy.budget
    span = timedelta(days=budget.days)
    counted = sorted(
        (run for run in facts.past if run.began > facts.now - span), key=lambda run: run.began
    )
    hours = sum(run.seconds(facts.now) for run in counted) / HOUR_S
    if len(counted) < budget.runs and hours < budget.hours:
        return None
    until = counted[0].began + span
    return Decision(
        "spent",
        cause,
        f"{why}; but {len(counted)} such runs of {hours:.1f} hours in {budget.days:g} days are all "
        f"that its budget has ({budget.runs}, {budget.hours:g} hours), so not before {told(until)}",
    )


def _unsettled(facts: Facts, cause: Cause, why: str) -> Decision | None:
    if facts.data is None or facts.data.settled:
        return None
    return Decision("busy", cause, f"{why}; but its data is being written, which is waited for")


def _pointless(facts: Facts, cause: Cause, why: str) -> Decision | None:
    if facts.data is None or not facts.data.tried:
        return None
    return Decision(
        "pointless",
        cause,
        f"{why}; but {facts.data.tried} has learned from the same data (sha256 "
        f"{facts.data.sha256[:12]}) with the same spec, and another run would do no better",
    )


def _nothing(policy: Retrain, facts: Facts) -> str:
    """Return what was looked at, where nothing asks for it."""
    return "nothing asks for it: " + ", ".join(_looked(policy, facts))


def _looked(policy: Retrain, facts: Facts) -> Iterator[str]:
    when = policy.when
    if when.drift:
        newest = facts.windows[-when.drift.of :]
        drifted = sum(window.drifted for window in newest)
        needed = f"{when.drift.windows} of {when.drift.of} are needed, the newest among them"
        if newest:
            yield f"{drifted} of the last {len(newest)} windows drifted ({needed})"
        else:
            yield f"no window of traffic has ended yet ({needed})"
    if live := when.live:
        metric = live.metric or ""
        found = (facts.live or {}).get(metric)
        told_of = f"{found.value:.4g} on {found.labels:,} labels" if found else "without labels"
        yield f"{metric} {told_of} (floor {live.floor:g}, {live.labels:,} labels are needed)"
    if when.data:
        waits = facts.data is not None and not facts.data.settled
        yield "the data is being written" if waits else "the data is the same"
    if when.schedule:
        times = following(when.schedule, facts.now, 1)
        yield f"scheduled for {told(times[0])}" if times else "the schedule never comes"


def told(moment: datetime) -> str:
    """Return a moment as a sentence has it."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"
