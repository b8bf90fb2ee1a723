"""The geometry of the charts: simple cases, where everything can be told in advance."""

from __future__ import annotations

import math
from typing import Any

import pytest

from serving.pages.content import Chart, Mark
from serving.rollout.card import words
from serving.rollout.card.looks import Asked, Guard, Look, looks
from serving.rollout.card.traffic import BOTTOM, LEFT, TOP, split_over_time
from serving.rollout.card.values import LEFT as START
from serving.rollout.card.values import RIGHT, error_rates, evidence, latencies, others
from tests.serving.rollout.card.decisions import decided

T0 = "2026-11-21T12:00:{:02}.000000Z"


def moment(at: int, kind: str, percent: int | None) -> dict[str, Any]:
    return {"at": T0.format(at), "kind": kind, "percent": percent}


def measured(at: int, percent: int, canary: int, stable: int) -> dict[str, Any]:
    counts = {"canary": canary, "stable": stable}
    asked = {name: {"requests": n, "errors": 0} for name, n in counts.items()}
    return {"at": T0.format(at), "seq": 9, "percent": percent, "verdict": "good", **asked}


DECISION: dict[str, Any] = {
    "began": T0.format(0),
    "seconds": 10.0,
    "timeline": [
        moment(0, "begun", 0),
        moment(2, "split", 10),
        moment(6, "split", 50),
        moment(10, "promoting", 100),
    ],
    "measured": [measured(6, 10, 100, 900), measured(10, 50, 400, 1200)],
}


def of(chart: Chart | None, tag: str, css: str) -> list[Mark]:
    assert chart is not None
    return [mark for mark in chart.marks if mark.tag == tag and mark.css == css]


def test_the_share_of_a_look_is_of_what_came_since_the_one_before() -> None:
    first, second = looks(DECISION)
    assert (first.share, first.began_s, first.ended_s) == (0.1, 2.0, 6.0)
    assert (second.share, second.began_s, second.ended_s) == (0.5, 6.0, 10.0)


def test_the_split_is_drawn_over_the_time_that_it_had() -> None:
    chart = split_over_time(DECISION, looks(DECISION))
    x = {at: LEFT + (RIGHT - LEFT) * at / 10 for at in (0, 2, 6, 10)}
    y = {share: BOTTOM - (BOTTOM - TOP) * share / 100 for share in (0, 10, 50, 100)}
    (requested,) = of(chart, "path", "requested")
    assert requested.at["d"].startswith(f"M{LEFT} {BOTTOM}")
    assert requested.at["d"].endswith(f"H{RIGHT}V{TOP}H{RIGHT}V{TOP}")
    lines = of(chart, "line", "measured")
    assert [float(line.at["x1"]) for line in lines] == pytest.approx([x[2], x[6]], abs=0.1)
    assert [float(line.at["x2"]) for line in lines] == pytest.approx([x[6], x[10]], abs=0.1)
    assert [float(line.at["y1"]) for line in lines] == pytest.approx([y[10], y[50]], abs=0.1)
    assert len(of(chart, "circle", "good")) == 2
    assert chart is not None
    assert chart.about == (
        "It was to get 0 %, 10 %, 50 %, 100 % of the traffic. It got 10.0 %, 50.0 % at 10 %, 50 %."
    )


def test_without_any_traffic_there_is_no_chart_of_it() -> None:
    assert split_over_time({**DECISION, "timeline": DECISION["timeline"][:1]}, ()) is None


def look(errors: int, limit: float | None, **more: Any) -> Look:
    guards = (Guard("error rate", errors / 100, limit),)
    return Look(
        10, "bad", 0, 5, Asked(100, errors, 0.02), Asked(200, 2, 0.01), guards=guards, **more
    )


@pytest.mark.parametrize(("errors", "css"), [(3, "canary"), (20, "bad")])
def test_the_errors_of_both_and_what_is_tolerated_stand_on_one_scale(errors: int, css: str) -> None:
    chart = error_rates([look(errors, 0.05)])
    (canary,), (stable,) = of(chart, "circle", css), of(chart, "circle", "stable")
    (tolerated,), (limit,) = of(chart, "rect", "tolerated"), of(chart, "line", "limit")
    zero, scale = START, (float(canary.at["cx"]) - START) / errors
    assert float(stable.at["cx"]) == pytest.approx(zero + scale * 1, abs=0.1)
    assert float(limit.at["x1"]) == pytest.approx(zero + scale * 5, abs=0.2)
    assert float(tolerated.at["x"]) == pytest.approx(float(stable.at["cx"]), abs=0.1)
    assert canary.at["cy"] == stable.at["cy"]


def test_latencies_have_no_limit_and_unknown_ones_no_chart() -> None:
    chart = latencies([look(0, None)])
    assert chart is not None and chart.about == "at 10 %: 20 ms against 10 ms"
    assert of(chart, "line", "limit") == []
    assert latencies([Look(10, "good", 0, 5, Asked(1, 0), Asked(1, 0))]) is None


def weighed(harm: float, safety: float) -> Chart | None:
    guard = Guard("error rate", 0.1, 0.2, harm, math.log(25), safety)
    return evidence([Look(10, "bad", 0, 5, enough=math.log(20), guards=(guard,))])


def test_evidence_starts_at_one_and_is_strong_only_beyond_its_line() -> None:
    middle = START + (RIGHT - START) / 3  # 1 is a third of the way from a thousandth to a million
    chart = weighed(harm=math.log(1000), safety=math.log(0.001))
    (harm,), (safety,) = of(chart, "rect", "bad"), of(chart, "rect", "good short")
    assert float(harm.at["x"]) == pytest.approx(middle, abs=0.1)
    assert float(harm.at["width"]) == pytest.approx((RIGHT - START) / 3, abs=0.1)
    assert float(safety.at["x"]) == START
    (allowed,), (enough,) = of(chart, "line", "bad"), of(chart, "line", "good")
    assert float(allowed.at["x1"]) > float(enough.at["x1"]) > middle


def test_evidence_without_end_ends_at_the_edge() -> None:
    (harm,) = of(weighed(harm=5000.0, safety=-5000.0), "rect", "bad")
    assert float(harm.at["x"]) + float(harm.at["width"]) == pytest.approx(RIGHT, abs=0.1)


def test_other_guards_are_shown_where_they_were_asked_last() -> None:
    def at(percent: int, value: float) -> Look:
        guards = (Guard("error rate", 0.0, 0.1), Guard("labels that differ", value, 0.2))
        return Look(percent, "good", 0, 5, guards=guards)

    chart = others([at(0, 0.1), at(10, 0.3)])
    assert chart is not None and chart.about == "labels that differ at 10 %: 30.0 %, at most 20.0 %"
    assert others([look(0, 0.1)]) is None


@pytest.mark.parametrize(
    ("value", "harm", "name"),
    [
        (0.1, 1.0, "class shift at 10 %:"),
        (0.3, 1.0, "class shift at 10 %, not proven:"),
        (0.3, 4.0, "class shift at 10 %:"),
    ],
    ids=["within", "beyond, by chance", "beyond, and convicted"],
)
def test_a_guard_beyond_its_limit_that_was_not_convicted_says_so(
    value: float, harm: float, name: str
) -> None:
    shift = Guard("class shift", value, 0.2, harm=harm, allowed=3.0)
    chart = others([Look(10, "good", 0, 5, guards=(shift,))])
    assert chart is not None and chart.about.startswith(name)


@pytest.mark.parametrize("name", ["promoted", "errors", "slow", "held", "resumed"])
def test_every_mark_of_a_real_rollout_is_within_its_drawing(name: str) -> None:
    found = decided(name)
    judged = looks(found)
    drawn = (error_rates, latencies, evidence)
    charts = [split_over_time(found, judged), *(each(judged) for each in drawn)]
    for chart in filter(None, charts):
        for mark in chart.marks:
            for key, value in mark.at.items():
                if key in ("x", "x1", "x2", "cx"):
                    assert 0 <= float(value) <= chart.width
                if key in ("y", "y1", "y2", "cy"):
                    assert 0 <= float(value) <= chart.height


WORDS = [
    (words.percent, 0.0, "0 %"),
    (words.percent, 0.0004, "0.04 %"),
    (words.percent, 0.1234, "12.3 %"),
    (words.milliseconds, 0.00475, "4.75 ms"),
    (words.milliseconds, 1.5, "1,500 ms"),
    (words.duration, 8.42, "8.4 s"),
    (words.duration, 200, "3 min 20 s"),
    (words.duration, 3600, "1 h"),
    (words.duration, 59.97, "1 min"),
    (words.duration, 90061, "1 d 1 h"),
    (words.odds, 0.0, "1"),
    (words.odds, math.log(544), "544"),
    (words.odds, 5000.0, "1,000,000 or more"),
    (words.number, 0.96491, "0.9649"),
    (words.number, 4149, "4,149"),
    (words.number, None, "–"),
]


@pytest.mark.parametrize(("say", "value", "said"), WORDS)
def test_numbers_are_said_as_people_read_them(say: Any, value: Any, said: str) -> None:
    assert say(value) == said


@pytest.mark.parametrize(
    ("seconds", "longest", "said"),
    [(20, 60, "20 s"), (120, 600, "2 min"), (7200, 20000, "2 h"), (86400, 500000, "1 d")],
)
def test_a_time_axis_has_one_unit(seconds: float, longest: float, said: str) -> None:
    assert words.clock(seconds, longest) == said
