"""When a live model is trained again, when it is not, and in which words."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipelines.retrain.rules import Data, Decision, Facts, Measured, Past, Window, decide, heeded
from pipelines.retrain_spec import Retrain

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SAME = Data("aa", "aa", tried="iris-1")
NEW = Data("bb", "aa")
FACTS = Facts(NOW, "3", NOW - 100 * HOUR)


def policy(**when: Any) -> Retrain:
    budget = {"runs": 2, "hours": 3, "days": 7}
    return Retrain.model_validate({"when": when, "cooldown_hours": 24, "budget": budget})


def windows(marks: str) -> tuple[Window, ...]:
    """Windows, the oldest first: `x` has drifted."""
    return tuple(Window(mark == "x", f"age: median 34 -> 5{n}") for n, mark in enumerate(marks))


def run(name: str, hours_ago: float, hours: float = 1.0) -> Past:
    began = NOW - hours_ago * HOUR
    return Past(name, began, began + hours * HOUR)


DRIFT = {"drift": {"windows": 2, "of": 5}}
LIVE = {"live": {"metric": "accuracy", "floor": 0.9, "labels": 100}}
CLOCK = {"schedule": "0 3 * * *"}
BELOW = {"accuracy": Measured(0.8, 0.75, 0.85, 214)}

CASES: dict[str, tuple[dict[str, Any], dict[str, Any], str, str]] = {
    "no window": (DRIFT, {}, "quiet", "no window of traffic has ended yet (2 of 5 are needed"),
    "one of five": (DRIFT, {"windows": windows("....x")}, "quiet", "1 of the last 5 windows"),
    "the newest is well": (DRIFT, {"windows": windows("xxxx.")}, "quiet", "4 of the last 5"),
    "two, long ago": (DRIFT, {"windows": windows("xx.....")}, "quiet", "0 of the last 5"),
    "two of five": (
        DRIFT,
        {"windows": windows("x..x...x")},
        "retrain",
        "2 of the last 5 windows of version 3 drifted, the newest of them: age: median 34 -> 57",
    ),
    "surely below": (
        LIVE,
        {"live": BELOW},
        "retrain",
        "accuracy of version 3 is 0.8 on 214 labels, 0.75 to 0.85: below 0.9",
    ),
    "perhaps below": (
        LIVE,
        {"live": {"accuracy": Measured(0.8, 0.7, 0.9, 214)}},
        "quiet",
        "accuracy 0.8 on 214 labels (floor 0.9, 100 labels are needed)",
    ),
    "too few labels": (LIVE, {"live": {"accuracy": Measured(0, 0, 0.1, 99)}}, "quiet", "99 labels"),
    "no labels": (LIVE, {"live": {}}, "quiet", "accuracy without labels"),
    "errors too large": (
        {"live": {"metric": "mae", "floor": 2}},
        {"live": {"mae": Measured(3, 2.1, 4, 500)}},
        "retrain",
        "mae of version 3 is 3 on 500 labels, 2.1 to 4: above 2",
    ),
    "other data": ({"data": True}, {"data": NEW}, "retrain", "the data is not what version 3"),
    "data that is written": (
        {"data": True},
        {"data": replace(NEW, settled=False)},
        "quiet",
        "the data is being written",
    ),
    "the same data": ({"data": True}, {"data": SAME}, "quiet", "the data is the same"),
    "the clock": (CLOCK, {}, "retrain", "its schedule asked for it at 2026-03-07 03:00 UTC"),
    "the clock was heeded": (
        CLOCK,
        {"let_go": NOW - HOUR},
        "quiet",
        "scheduled for 2026-03-11 03:00 UTC",
    ),
    "the clock of a new version": (CLOCK, {"since": NOW - HOUR}, "quiet", "scheduled for"),
    "something goes on": (
        CLOCK,
        {"busy": "iris-7 is running"},
        "busy",
        "iris-7 is running; it is waited for",
    ),
    "a person has paused it": (
        DRIFT,
        {"windows": windows("xx"), "paused_by": "ada"},
        "paused",
        "; but ada has paused it",
    ),
    "one was just done": (
        DRIFT,
        {"windows": windows("xx"), "past": (run("iris-5", 3), run("iris-4", 90))},
        "cooling",
        "; but iris-5 was one, so not before 2026-03-11 10:00 UTC",
    ),
    "one failed just now": (
        DRIFT,
        {"windows": windows("xx"), "past": (run("iris-5", 3, 0),)},
        "cooling",
        "not before 2026-03-11 09:00 UTC",
    ),
    "all runs are spent": (
        DRIFT,
        {"windows": windows("xx"), "past": (run("iris-5", 30), run("iris-4", 90))},
        "spent",
        "; but 2 such runs of 2.0 hours in 7 days are all that its budget has (2, 3 hours), so "
        "not before 2026-03-13 18:00 UTC",
    ),
    "all hours are spent": (
        DRIFT,
        {"windows": windows("xx"), "past": (run("iris-5", 40, 4),)},
        "spent",
        "1 such runs of 4.0 hours",
    ),
    "a week is over": (
        DRIFT,
        {"windows": windows("xx"), "past": (run("iris-5", 30), run("iris-4", 169))},
        "retrain",
        "2 of the last 2",
    ),
    "drift while data is written": (
        DRIFT,
        {"windows": windows("xx"), "data": replace(NEW, settled=False)},
        "busy",
        "; but its data is being written, which is waited for",
    ),
    "pointless": (
        DRIFT,
        {"windows": windows("xx"), "data": SAME},
        "pointless",
        "; but iris-1 has learned from the same data (sha256 aa) with the same spec, and another "
        "run would do no better",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_decision_has_a_reason(name: str) -> None:
    when, known, verdict, sentence = CASES[name]
    decision = decide(policy(**when), replace(FACTS, **known))
    assert decision.verdict == verdict
    assert sentence in decision.sentence


def test_what_is_gravest_is_the_cause() -> None:
    facts = replace(FACTS, live=BELOW, windows=windows("xx"), data=NEW)
    every: dict[str, Any] = {**LIVE, **DRIFT, "data": True, **CLOCK}
    order = []
    while every:
        order.append(decide(policy(**every), facts).cause)
        every.pop(order[-1])
    assert order == ["live", "drift", "data", "schedule"]


def test_a_person_needs_no_reason_but_the_same_data_stays_pointless() -> None:
    just = replace(FACTS, past=(run("iris-5", 3),), data=NEW)
    assert decide(policy(**DRIFT), just, "ada") == Decision("retrain", "person", "ada asked for it")
    assert decide(policy(**DRIFT), replace(just, data=SAME), "ada").verdict == "pointless"
    assert decide(policy(**DRIFT), replace(just, busy="iris-7 is queued"), "ada").verdict == "busy"


@pytest.mark.parametrize(
    ("known", "is_heeded"),
    [
        ({}, True),
        ({"data": SAME}, True),
        ({"past": (run("iris-5", 20),)}, True),
        ({"busy": "iris-7 is running"}, False),
        ({"since": NOW - HOUR}, False),
    ],
)
def test_a_time_of_the_schedule_is_heeded_once(known: dict[str, Any], is_heeded: bool) -> None:
    facts = replace(FACTS, **known)
    until = heeded(policy(**CLOCK), facts, decide(policy(**CLOCK), facts))
    assert until == (NOW if is_heeded else None)
    assert decide(policy(**CLOCK), replace(facts, let_go=NOW)).verdict in ("quiet", "busy")
