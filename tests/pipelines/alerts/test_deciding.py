"""When somebody is told: what begins, lasts, ends, is silent, or could not be measured."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pipelines.alerts.alert import Alert
from pipelines.alerts.deciding import (
    CALM_S,
    GAP_S,
    REMIND_S,
    Before,
    Condition,
    Measured,
    Silence,
    Unknown,
    decide,
)
from pipelines.alerts.rule import Rule, Severity, Signal
from pipelines.alerts.units import Unit, duration, shown

BEGAN = datetime(2026, 11, 21, 12, 0, tzinfo=UTC).timestamp()
ERRORS = Signal("errors", Unit.SHARE, "errors", ("model",))
RULE = Rule("Fails", ERRORS, 0.05, Severity.CRITICAL, "{model} fails: {value}.", "Go.", for_s=60)
NOT_KNOWN = Unknown("errors", "nobody answers")
IRIS = {"model": "iris"}
BAD = Measured("errors", 0.5, IRIS)
WELL = Measured("errors", 0.01, IRIS)


def told(*looks: tuple[float, object], silences: tuple[Silence, ...] = ()) -> list[Alert]:
    """Everything that is told in a story of looks, each at so many seconds."""
    rules, before, alerts = {RULE.name: RULE}, Before((), silences), list[Alert]()
    for after, found in looks:
        seen = [each for each in (found,) if isinstance(each, Measured | Unknown)]
        now = datetime.fromtimestamp(BEGAN + after, UTC)
        decided = decide(rules, seen, before, now)
        before = replace(before, conditions=decided.conditions)
        alerts += decided.alerts
    return alerts


def states(alerts: list[Alert]) -> list[str]:
    return [each.labels["state"] for each in alerts]


CALM = 120 + CALM_S + 1
STORIES = {
    "well": ([(0, WELL), (100, WELL)], []),
    "not for long enough": ([(0, BAD), (59, BAD), (80, WELL), (200, BAD)], []),
    "long enough": ([(0, BAD), (30, BAD), (60, BAD), (90, BAD), (600, BAD)], ["firing"]),
    "it comes and goes": ([(0, BAD), (60, BAD), (90, WELL), (120, BAD), (150, WELL)], ["firing"]),
    "it ends": ([(0, BAD), (60, BAD), (120, BAD), (CALM, WELL)], ["firing", "over"]),
    "its subject has gone": ([(0, BAD), (60, BAD), (120, BAD), (CALM, None)], ["firing", "over"]),
    "nobody can tell": ([(0, BAD), (60, BAD), (120, NOT_KNOWN), (CALM, NOT_KNOWN)], ["firing"]),
    "not known in between": ([(0, BAD), (30, NOT_KNOWN), (60, BAD)], ["firing"]),
    "nobody looked": ([(0, BAD), (GAP_S + 1, BAD)], []),
    "nobody looked while it fired": ([(0, BAD), (60, BAD), (9000, BAD)], ["firing"]),
    "it lasts for a day": ([(0, BAD), (60, BAD), (REMIND_S + 60, BAD)], ["firing", "firing"]),
    "the clock goes back": ([(0, BAD), (-9000, BAD), (-8940, BAD)], ["firing"]),
}


@pytest.mark.parametrize("name", STORIES)
def test_somebody_is_told_once_when_it_begins_and_once_when_it_is_over(name: str) -> None:
    looks, expected = STORIES[name]
    found = told(*looks)
    assert states(found) == expected
    assert len({each.id for each in found}) == len(found)


def test_what_is_told_says_what_and_what_to_do_and_how_long_it_lasted() -> None:
    fired, over = told((0, BAD), (60, BAD), (180, BAD), (900, WELL))
    assert fired.sentence == "iris fails: 50.0 %. Go."
    assert (fired.id, fired.severity) == ("Fails/iris/20261121T120000Z", Severity.CRITICAL)
    assert over.sentence == "It is over after 3 min: iris fails: 50.0 %. Go."
    assert (over.subject, over.severity) == ("iris", Severity.INFO)


SILENT = Silence("", "", BEGAN + 200)


@pytest.mark.parametrize(
    ("silence", "expected"),
    [
        (SILENT, ["firing"]),  # once the silence has ended, since it is still wrong
        (Silence("Fails", "iris", BEGAN + 10_000), []),
        (Silence("Fails", "boat", BEGAN + 10_000), ["firing", "over"]),
        (Silence("Other", "", BEGAN + 10_000), ["firing", "over"]),
    ],
)
def test_nobody_is_told_in_a_silence_and_of_what_is_left_after_it(
    silence: Silence, expected: list[str]
) -> None:
    looks = [(0, BAD), (60, BAD), (120, BAD), (210 if silence is SILENT else 900, BAD)]
    looks += [] if silence is SILENT else [(1500, WELL)]
    assert states(told(*looks, silences=(silence,))) == expected


def test_a_rule_that_there_is_no_longer_leaves_nothing() -> None:
    old = Condition("Gone", {"model": "iris"}, BEGAN, BEGAN, "It was.", BEGAN)
    found = decide({RULE.name: RULE}, [], Before([old]), datetime.fromtimestamp(BEGAN + 900, UTC))
    assert (found.conditions, found.alerts) == ((), ())


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (0.053, Unit.SHARE, "5.3 %"),
        (0.612, Unit.SECONDS, "0.61 s"),
        (61, Unit.SECONDS, "61 s"),
        (6000, Unit.SECONDS, "100 min"),
        (8 * 86_400, Unit.SECONDS, "8 days"),
        (3 * 2**29, Unit.BYTES, "1.5 GB"),
        (3.0, Unit.COUNT, "3"),
    ],
)
def test_values_are_told_in_their_units(value: float, unit: Unit, expected: str) -> None:
    assert shown(value, unit) == expected


def test_a_time_is_told_in_its_largest_unit() -> None:
    assert [duration(each) for each in (0, 12.4, 120, 5400)] == ["0 s", "12 s", "2 min", "90 min"]
