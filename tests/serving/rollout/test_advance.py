"""The decision alone, as tables: one state, one sight, the next state."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from serving.rollout.advance import _missing, advance
from serving.rollout.judge import Case, Judgement, Verdict
from serving.rollout.observation import Counts, NotMeasured, Observation
from serving.rollout.policy import Policy
from serving.rollout.state import Phase, Rollout
from serving.rollout.step import Move, Sight, Step

OLD, NEW, OLDER = "iris-2", "iris-3", "iris-1"
NOW = 1000.0
BOUNDS = (0.005, 0.01, math.inf)


def seen(
    new: int, errors: int = 0, *, old: int = 900, at: float = NOW, epoch: float = 1.0
) -> Observation:
    counts = {NEW: (new, errors), OLD: (old, 0)}
    return Observation(
        epoch, at, {name: Counts(n, e, (n, 0, 0), BOUNDS) for name, (n, e) in counts.items()}
    )


WAITING = Rollout(
    id="x",
    service="iris",
    version="3",
    uri="file:///3",
    policy=Policy(steps=(10, 50, 100), ready_timeout_s=60, max_seconds=30),
    since=NOW - 10,
    stable=OLD,
    created_before=OLD,
    from_version="2",
)
FIRST = replace(WAITING, stable="", created_before="", percent=None, from_version=None)
ASKED = replace(WAITING, phase=Phase.OBSERVING, canary=NEW, percent=10)
KNOWN = Case.against(seen(0, old=1800).of(OLD), ASKED.policy)
COUNTING = replace(ASKED, case=KNOWN, baseline=seen(100, old=0, at=NOW - 10))
LAST = replace(COUNTING, step=1, percent=50)
PROMOTING = replace(ASKED, phase=Phase.PROMOTING, percent=None)
BACK = replace(ASKED, phase=Phase.ROLLING_BACK, percent=0)

STARTING = Sight(NOW, OLD, OLD, ready=True, split={OLD: 100})
COMING = Sight(NOW, NEW, OLD, ready=False, split={OLD: 100})
READY = Sight(NOW, NEW, OLD, ready=True, split={NEW: 0, OLD: 100})
LIVE = Sight(NOW, NEW, OLD, ready=True, split={NEW: 10, OLD: 90}, observation=seen(300, old=1800))
HALF = replace(LIVE, split={NEW: 50, OLD: 50})
PROMOTED = Sight(NOW, NEW, NEW, ready=True, split={NEW: 100})
LATER = NOW + 100

WAIT = (Phase.WAITING, 0, Move.NOTHING)
WAIT_FIRST = (Phase.WAITING, None, Move.NOTHING)
LOOK_ON = (Phase.OBSERVING, 10, Move.NOTHING)
UNDO = (Phase.ROLLING_BACK, 0, Move.ROLL_BACK)
UNDOING = (Phase.ROLLING_BACK, 0, Move.NOTHING)

STEPS = {
    "waiting: the old revision is no canary": (WAITING, STARTING, WAIT),
    "waiting: not ready yet": (WAITING, COMING, WAIT),
    "waiting: not ready in time": (WAITING, replace(COMING, at=LATER), UNDO),
    "waiting: not created in time": (WAITING, replace(STARTING, at=LATER), UNDO),
    "waiting: failed": (WAITING, replace(COMING, failure="x"), UNDO),
    "waiting: an old failure": (WAITING, replace(STARTING, failure="x"), WAIT),
    "waiting: ready": (WAITING, READY, (Phase.OBSERVING, 10, Move.SET_PERCENT)),
    "waiting: another stable one": (
        WAITING,
        replace(READY, stable=OLDER),
        (Phase.HELD, 0, Move.NOTHING),
    ),
    "first: coming": (FIRST, replace(COMING, stable=""), WAIT_FIRST),
    "first: ready, no route": (FIRST, replace(READY, stable=""), WAIT_FIRST),
    "first: live": (FIRST, PROMOTED, (Phase.PROMOTED, None, Move.NOTHING)),
    "first: live, not ready": (FIRST, replace(PROMOTED, ready=False), WAIT_FIRST),
    "first: failed": (
        FIRST,
        replace(COMING, stable="", failure="x"),
        (Phase.ROLLING_BACK, None, Move.NOTHING),
    ),
    "observing: split asked for": (ASKED, READY, LOOK_ON),
    "observing: split never live": (ASKED, replace(READY, at=LATER), UNDO),
    "observing: split live": (ASKED, LIVE, LOOK_ON),
    "observing: good": (COUNTING, LIVE, (Phase.OBSERVING, 50, Move.SET_PERCENT)),
    "observing: good at last": (LAST, HALF, (Phase.PROMOTING, None, Move.PROMOTE)),
    "observing: bad": (COUNTING, replace(LIVE, observation=seen(150, 20)), UNDO),
    "observing: too few": (COUNTING, replace(LIVE, observation=seen(120)), LOOK_ON),
    "observing: broken down": (COUNTING, replace(LIVE, failure="x"), UNDO),
    "observing: another stable one": (
        COUNTING,
        replace(LIVE, stable=OLDER),
        (Phase.HELD, 10, Move.NOTHING),
    ),
    "observing: stale": (COUNTING, replace(LIVE, observation=seen(150, at=NOW - 11)), LOOK_ON),
    "observing: no numbers": (COUNTING, replace(LIVE, observation=NotMeasured("x")), LOOK_ON),
    "observing: no source": (COUNTING, replace(LIVE, observation=None), LOOK_ON),
    "observing: no numbers for long": (
        COUNTING,
        replace(LIVE, observation=None, at=LATER),
        (Phase.HELD, 10, Move.NOTHING),
    ),
    "promoting: on its way": (PROMOTING, HALF, (Phase.PROMOTING, None, Move.NOTHING)),
    "promoting: done": (PROMOTING, PROMOTED, (Phase.PROMOTED, None, Move.NOTHING)),
    "rolling back: on its way": (BACK, LIVE, UNDOING),
    "rolling back: done": (BACK, READY, (Phase.ROLLED_BACK, 0, Move.NOTHING)),
    "rolling back: never a canary": (BACK, STARTING, (Phase.ROLLED_BACK, 0, Move.NOTHING)),
    "rolling back: to another one": (BACK, replace(READY, stable=OLDER), UNDOING),
}


@pytest.mark.parametrize(("state", "sight", "expected"), STEPS.values(), ids=STEPS)
def test_steps(state: Rollout, sight: Sight, expected: tuple[Phase, int | None, Move]) -> None:
    step = advance(state, sight)
    assert (step.state.phase, step.state.percent, step.move) == expected
    assert step.stuck is None


@pytest.mark.parametrize("over", [Phase.PROMOTED, Phase.ROLLED_BACK, Phase.HELD])
def test_what_has_ended_stays_as_it_is(over: Phase) -> None:
    state = replace(COUNTING, phase=over)
    assert advance(state, LIVE).state is state


def test_counting_begins_when_the_split_is_live() -> None:
    assert advance(ASKED, replace(READY, observation=seen(7))).state.baseline is None
    begun = advance(ASKED, LIVE).state
    assert begun.baseline == seen(300, old=1800)
    assert begun.case == KNOWN, "what the stable revision did before is what it is known for"
    assert begun.since == NOW


@pytest.mark.parametrize(
    "restarted", [seen(30, epoch=2.0), seen(99)], ids=["a new epoch", "a counter that went back"]
)
def test_a_restarted_gateway_gets_a_new_baseline_and_no_verdict(restarted: Observation) -> None:
    step = advance(COUNTING, replace(LIVE, observation=restarted))
    assert step.state == replace(COUNTING, baseline=restarted)
    assert step.state.since == COUNTING.since


def test_every_step_counts_from_its_own_beginning() -> None:
    step = advance(COUNTING, LIVE)
    assert (step.state.baseline, step.state.since, step.state.step) == (None, NOW, 1)


def after(*looks: Observation, state: Rollout = COUNTING) -> Step:
    """The step after several looks; each state goes through its annotation, as after a kill."""
    step = Step(state)
    for observation in looks:
        carried = Rollout.from_json(step.state.to_json())
        step = advance(carried, replace(LIVE, observation=observation))
    return step


@pytest.mark.parametrize(
    "looks",
    [
        [seen(260, 4, old=1200)],
        [seen(140, 2, old=300), seen(260, 4, old=1200)],
        [seen(n, n // 65, old=10 * n - 1400) for n in range(150, 261, 10)],
    ],
    ids=["once", "killed in the middle", "killed after every look"],
)
def test_however_often_it_is_looked_at_and_killed_the_verdict_is_the_same(
    looks: list[Observation],
) -> None:
    """The evidence is a pure function of the state and of the counters."""
    step = after(*looks)
    assert (step.state.phase, step.state.percent) == (Phase.OBSERVING, 10)
    assert "the canary had 160 requests, 2" in step.events[0].sentence
    assert after(*looks, seen(300, 30, old=1500)).state.phase is Phase.ROLLING_BACK


@pytest.mark.parametrize(
    ("had", "needed", "said"),
    [
        (67, 3, "the canary had 67 requests, 3 more are needed"),
        (69, 1, "the canary had 69 requests, 1 more is needed"),
        (1, 69, "the canary had 1 request, 69 more are needed"),
        (0, 70, "the canary had 0 requests, 70 more are needed"),
    ],
)
def test_what_is_missing_is_counted_in_good_english(had: int, needed: int, said: str) -> None:
    assert _missing(Judgement(Verdict.TOO_FEW, needed=needed), had) == said


def test_a_look_alone_is_no_reason_to_write_but_twice_the_knowledge_is() -> None:
    half = replace(LIVE, observation=seen(150, old=450))
    assert advance(COUNTING, half).state is COUNTING
    learnt = advance(COUNTING, replace(LIVE, observation=seen(150, old=1000))).state
    assert learnt.baseline == seen(150, old=1000)
    assert learnt.asked == 50
    assert learnt.case is not None and learnt.case.errors.seen == (50, 0, 1000, 0)


def test_when_it_is_learnt_depends_on_no_outcome() -> None:
    for old in (100, 999, 1000, 1001):
        bases = {after(seen(150, errors, old=old)).state.asked for errors in (0, 1, 2)}
        assert len(bases) == 1


def test_numbers_that_are_missing_never_promote() -> None:
    eager = replace(COUNTING, policy=replace(COUNTING.policy, on_inconclusive="promote"))
    for missing in (None, NotMeasured("down"), seen(10**6, at=NOW)):
        step = advance(eager, replace(LIVE, observation=missing, at=LATER))
        assert step.state.phase is Phase.HELD


def test_the_evidence_of_one_step_is_carried_into_the_next() -> None:
    good = advance(COUNTING, LIVE).state
    assert (good.percent, good.asked) == (50, 0)
    begun = advance(good, replace(HALF, observation=seen(330, old=1000))).state
    enough = advance(begun, replace(HALF, observation=seen(380, old=1050)))
    assert enough.move is Move.PROMOTE, "50 more requests do, since 220 are known to be good"
    bad = advance(begun, replace(HALF, observation=seen(380, 15, old=1050)))
    assert bad.move is Move.ROLL_BACK, "a harm that shows only at 50 % is found there"


@pytest.mark.parametrize(
    ("state", "sight"), [(PROMOTING, replace(HALF, at=LATER)), (BACK, replace(LIVE, at=LATER))]
)
def test_a_platform_that_does_not_do_it_is_told_and_nothing_changes(
    state: Rollout, sight: Sight
) -> None:
    step = advance(state, sight)
    assert step.state is state
    assert step.stuck is not None
    assert "has not done it after 60 s; look at `kubectl describe isvc iris`" in step.stuck


def test_a_held_rollout_says_which_revision_is_in_the_way() -> None:
    held = advance(COUNTING, replace(LIVE, stable=OLDER)).state
    assert held.since == NOW, "so long it waits for a person"
    assert "the rest of the traffic goes to iris-1, not iris-2" in held.reason
    assert "kanarya rollout resume iris" in held.reason
