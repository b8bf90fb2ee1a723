"""The state in its annotation: complete, readable, below 8 KB."""

from __future__ import annotations

import math
from dataclasses import replace

from hypothesis import example, given, settings
from hypothesis import strategies as st

from serving.rollout.judge import Case
from serving.rollout.observation import Counts, Observation, Shadowed
from serving.rollout.policy import Policy
from serving.rollout.shadow_tally import LONGEST, MOST_EXAMPLES, Tally
from serving.rollout.state import Judged, Phase, Rollout

BUCKETS = tuple(range(10**6, 10**6 + 66))
FULL = Observation(
    1786000000.123,
    1786000099.456,
    {
        f"{'s' * 50}-predictor-{number:05}": Counts(
            10**9,
            10**8,
            BUCKETS,
            (1.0,) * 65 + (math.inf,),
            {f"a class of flowers, the {number}th of many": 10**6 + number for number in range(99)},
            (10**9,) * 13,
        )
        for number in (41, 42)
    },
)


HALF = Counts(
    10**9,
    10**8,
    BUCKETS,
    (*(i / 7 for i in range(65)), math.inf),
    FULL.of(f"{'s' * 50}-predictor-00042").classes,
    (10**9 // 13,) * 13,
    (*(round(i / 13, 3) for i in range(1, 13)), math.inf),
)
LONG = Case.against(HALF, Policy()).after(HALF, HALF, Policy(), 33).afresh(Policy())


def biggest() -> Rollout:
    grounds = (
        "error rate 31.2 % (canary, 1000000 requests) against 20.4 % (stable) + 2.0 %",
        "slower than 10.4858 ms: 100.0 % (canary, 1000000 requests) against 50.0 % (stable) "
        "+ 5.0 %; p95 10097.5 ms against 10004.8 ms",
    )
    chance = "; chance does that in one of 1,000,000 rollouts at most"
    state = Rollout(
        id="f" * 32,
        service="s" * 50,
        version="1234",
        uri="gs://bucket/" + "u" * 500,
        from_uri="gs://bucket/" + "v" * 500,
        policy=Policy(steps=tuple(range(5, 101, 5))),
        phase=Phase.OBSERVING,
        percent=50,
        step=9,
        since=1786000000.123,
        stable="s" * 50 + "-predictor-00041",
        canary="s" * 50 + "-predictor-00042",
        created_before="s" * 50 + "-predictor-00041",
        from_version="1233",
        case=LONG,
        asked=10**7,
        baseline=FULL.grouped(LONG.labels),
        run_id="r" * 36,
        holder="h" * 64,
        lease_until=1786000110.5,
    ).because("ğ" * 5000)
    for percent in range(5, 95, 5):
        state = state.remember(Judged(percent, "good", grounds))
    return state.remember(Judged(95, "bad", tuple(ground + chance for ground in grounds)))


def test_the_biggest_state_fits_into_8_kb() -> None:
    assert len(biggest().to_json().encode()) < 8192


TEXT = st.text(max_size=800)
SHADOWS = st.builds(
    lambda text, count: Tally(
        Shadowed(count, count, count, count, count, (text[:LONGEST],) * MOST_EXAMPLES),
        source="golden rows of version 1 and golden rows of version 2",
        there=count,
        distance=count / 7,
        distances=count,
        trouble=text[:LONGEST],
    ),
    TEXT,
    st.integers(0, 10**5),
)


@settings(max_examples=60, deadline=None)
@given(reason=TEXT, grounds=st.lists(TEXT, max_size=4), shadow=SHADOWS)
@example("\x00" * 800, ["\x01" * 800] * 4, Tally(trouble="\x02" * LONGEST))
@example("\U0001f426" * 800, ["\U0001f426" * 800] * 4, Tally(source="\U0001f426" * LONGEST))
@example("\ud800" * 800, ["\ud800" * 800] * 4, Tally())
def test_whatever_is_said_of_it_the_state_fits_into_8_kb(
    reason: str, grounds: list[str], shadow: Tally
) -> None:
    state = replace(biggest(), shadow=shadow, asking=100, phase=Phase.APPROVAL)
    for percent in (10, 25, 50):
        state = state.because(reason).remember(Judged(percent, "not measured", tuple(grounds)))
    text = state.to_json()
    assert len(text.encode()) < 8192
    back = Rollout.from_json(text)
    assert (back.id, back.phase, back.shadow, back.asking) == (
        state.id,
        state.phase,
        state.shadow,
        100,
    )
    assert back.case == state.case and state.reason.startswith(back.reason)


def test_a_state_survives_its_annotation() -> None:
    state = biggest()
    back = Rollout.from_json(state.to_json())
    assert back.to_json() == state.to_json()
    assert (back.phase, back.policy) == (state.phase, state.policy)
    assert [judged.verdict for judged in back.history] == ["good"] * 11 + ["bad"]
    assert back.history[-1] == state.history[-1]
    assert back.history[0].grounds == (), "of a state that is too long the oldest grounds go"
    short = replace(state, uri="gs://u", from_uri="gs://v", baseline=None, case=None)
    assert Rollout.from_json(short.to_json()).history == short.history
    assert (back.case, back.asked) == (state.case, state.asked)
    assert back.baseline is not None
    assert FULL.continues(back.baseline)


def test_the_oldest_history_goes_first_and_a_reason_is_cut() -> None:
    state = biggest()
    assert len(state.history) == 12
    assert state.history[-1].percent == 95
    assert len(state.reason) == 500
