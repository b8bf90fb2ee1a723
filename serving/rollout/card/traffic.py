"""The chart of the split: what the canary was to get of the traffic, and what it got. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from serving.pages.content import Chart, Columns, Mark, Table
from serving.pages.drawing import Scale, dot, line, stairs, text, time_ticks
from serving.rollout.card import words
from serving.rollout.card.looks import Look, since
from serving.rollout.card.values import RIGHT, WIDTH

LEFT, TOP, BOTTOM, HEIGHT = 44, 12, 150, 172
_LEVELS = {"good": "good", "bad": "bad"}
_COLUMNS: Columns = (
    ("asked for", "number"),
    ("measured", "number"),
    ("canary's requests so far", "number"),
    ("stable's", "number"),
    ("until", "number"),
)


def split_over_time(decision: Mapping[str, Any], looks: Sequence[Look]) -> Chart | None:
    """Return the asked for and the measured share by the time; None where it never got any."""
    asked = [
        (since(decision, m["at"]), m["percent"])
        for m in decision["timeline"]
        if m["percent"] is not None
    ]
    if not any(percent for _, percent in asked):
        return None
    end = max(decision["seconds"], 0.001)
    x, y = Scale(0, end, LEFT, RIGHT), Scale(0, 100, BOTTOM, TOP)
    steps = [(x(at), y(percent)) for at, percent in (*asked, (end, asked[-1][1]))]
    marks = (
        *_grid(x, y, end),
        stairs("under", [(steps[0][0], y(0)), *steps, (steps[-1][0], y(0))]),
        stairs("requested", steps),
        *(mark for look in looks for mark in _measured(look, x, y)),
    )
    about = f"{_asked_for(asked)}{_got(looks)}"
    table = Table("", _COLUMNS, tuple(_cells(look) for look in looks))
    return Chart("split", "Traffic of the canary", about, WIDTH, HEIGHT, marks, _key(looks), table)


def _asked_for(asked: Sequence[tuple[float, int]]) -> str:
    shares = [percent for _, percent in asked]
    moved = [b for a, b in zip([None, *shares], shares, strict=False) if a != b]
    return f"It was to get {', '.join(f'{percent} %' for percent in moved)} of the traffic."


def _got(looks: Sequence[Look]) -> str:
    got = [(words.percent(x.share), f"{x.percent} %") for x in looks if x.share is not None]
    shares, steps = (", ".join(each) for each in zip(*got, strict=True)) if got else ("", "")
    return f" It got {shares} at {steps}." if got else ""


def _key(looks: Sequence[Look]) -> tuple[tuple[str, str], ...]:
    found = [("requested", "asked for")]
    if any(look.share is not None for look in looks):
        found.append(("measured", "measured"))
    found += [(level, level) for level in ("good", "bad") if level in map(_level, looks)]
    return (*found, *((("wait", "no verdict"),) if "wait" in map(_level, looks) else ()))


def _level(look: Look) -> str:
    return _LEVELS.get(look.verdict, "wait")


def _cells(look: Look) -> tuple[str, ...]:
    counts = (f"{each.requests:,}" if each else "–" for each in (look.canary, look.stable))
    share = "–" if look.share is None else words.percent(look.share)
    return (f"{look.percent} %", share, *counts, words.duration(look.ended_s))


def _grid(x: Scale, y: Scale, end: float) -> list[Mark]:
    marks = [line("grid", (x.start, x.end), (y(p), y(p))) for p in (0, 25, 50, 75, 100)]
    marks += [text(f"{p} %", x.start - 6, y(p) + 4, "end quiet") for p in (0, 50, 100)]
    at = [tick for tick in time_ticks(end) if x(tick) <= RIGHT - 10]
    return marks + [
        text(words.clock(tick, end), x(tick), HEIGHT - 4, "middle quiet") for tick in at
    ]


def _measured(look: Look, x: Scale, y: Scale) -> list[Mark]:
    """Return the measured share over the time it was measured in, and the verdict at its end."""
    marks = [dot(_level(look), x(look.ended_s), y(look.percent), 5.5)]
    if look.share is None:
        return marks
    height = y(look.share * 100)
    return [line("measured", (x(look.began_s), x(look.ended_s)), (height, height)), *marks]
