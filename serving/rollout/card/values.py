"""Charts of rows: a share, a latency or evidence of each on a line of its own. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from serving.pages.content import Chart, Columns, Mark, Table
from serving.pages.drawing import Scale, bar, dot, line, nice, text, ticks
from serving.rollout.card import words
from serving.rollout.card.looks import Guard, Look

WIDTH = 380
"""So wide that letters keep their size on a telephone."""
LEFT, RIGHT, TOP, ROW, AXIS = 12, 368, 4, 48, 20
FAINTEST, STRONGEST = math.log(1e-3), math.log(words.SURE)
"""Evidence beyond these is drawn as these."""
ERRORS, ELSEWHERE = "error rate", ("error rate", "slower than", "split")
"""What the guards are named, or how their names begin, that have charts of their own."""


@dataclass(frozen=True)
class Row:
    """One line of a chart: a name, the canary's value, the stable one's, what is tolerated."""

    name: str
    canary: float
    stable: float | None = None
    limit: float | None = None


def error_rates(looks: Sequence[Look]) -> Chart | None:
    """Return the failed answers of both, and how many were tolerated, by the step."""
    rows = [
        Row(look.label, look.canary.error_rate, look.stable.error_rate, _limit(look))
        for look in looks
        if look.canary and look.stable
    ]
    return _values("errors", "Failed answers", rows, words.percent)


def latencies(looks: Sequence[Look]) -> Chart | None:
    """Return the 95th percentiles of both, by the step."""
    rows = [
        Row(look.label, look.canary.p95_s, look.stable.p95_s)
        for look in looks
        if look.canary and look.stable and look.canary.p95_s and look.stable.p95_s
    ]
    return _values("latency", "Latency, 95th percentile", rows, words.milliseconds)


def others(looks: Sequence[Look]) -> Chart | None:
    """Return the other guards (labels that differ, shares of classes, …) at their last look."""
    newest = {guard.name: (look, guard) for look in looks for guard in look.guards}
    rows = [
        Row(f"{guard.name} {look.label}{_unproven(guard)}", guard.value, limit=guard.limit)
        for name, (look, guard) in newest.items()
        if guard.value is not None and not name.startswith(ELSEWHERE)
    ]
    return _values("predictions", "What it answered", rows, words.percent)


def _unproven(guard: Guard) -> str:
    """Say of a guard beyond its limit that it was not convicted, where that is so."""
    numbers = (guard.value, guard.limit, guard.harm, guard.allowed)
    value, limit, harm, allowed = (0.0 if number is None else number for number in numbers)
    return ", not proven" if value > limit and harm < allowed else ""


def _limit(look: Look) -> float | None:
    return next((guard.limit for guard in look.guards if guard.name == ERRORS), None)


def _values(
    name: str, title: str, rows: Sequence[Row], shown: Callable[[float], str]
) -> Chart | None:
    if not rows:
        return None
    numbers = [n for row in rows for n in (row.canary, row.stable, row.limit) if n is not None]
    x = Scale(0, nice(max(numbers) * 1.02), LEFT, RIGHT)
    bottom = TOP + ROW * len(rows)
    at = ticks(x.high)
    marks = [
        *(line("grid", (x(tick), x(tick)), (TOP + 18, bottom)) for tick in at),
        *(_tick(shown(tick), x(tick), bottom) for tick in at),
        *(
            mark
            for place, row in enumerate(rows)
            for mark in _row(row, x, TOP + ROW * place, shown)
        ),
    ]
    said = "; ".join(f"{row.name}: {_said(row, shown)}" for row in rows)
    table = Table("", _COLUMNS, tuple(_cells(row, shown) for row in rows))
    return Chart(name, title, said, WIDTH, bottom + AXIS, tuple(marks), _key(rows), table)


def _tick(said: str, x: float, bottom: float) -> Mark:
    """Return what stands below a line of the grid, within the drawing."""
    place = "start" if x < LEFT + 20 else "end" if x > RIGHT - 20 else "middle"
    return text(said, x, bottom + 14, f"{place} quiet")


_COLUMNS: Columns = (
    ("", "text"),
    ("canary", "number"),
    ("stable", "number"),
    ("at most", "number"),
)


def _said(row: Row, shown: Callable[[float], str]) -> str:
    against = "" if row.stable is None else f" against {shown(row.stable)}"
    limit = "" if row.limit is None else f", at most {shown(row.limit)}"
    return f"{shown(row.canary)}{against}{limit}"


def _cells(row: Row, shown: Callable[[float], str]) -> tuple[str, ...]:
    numbers = (row.canary, row.stable, row.limit)
    return (row.name, *("–" if number is None else shown(number) for number in numbers))


def _key(rows: Sequence[Row]) -> tuple[tuple[str, str], ...]:
    found = [("canary", "canary")]
    if any(row.stable is not None for row in rows):
        found.append(("stable", "stable"))
    if any(row.limit is not None for row in rows):
        found.append(("tolerated", "tolerated"))
    return tuple(found)


def _row(row: Row, x: Scale, top: float, shown: Callable[[float], str]) -> list[Mark]:
    middle = top + 29
    marks = [
        text(row.name, LEFT, top + 12),
        text(_said(row, shown), RIGHT, top + 12, "end quiet"),
        line("axis", (LEFT, RIGHT), (middle, middle)),
    ]
    if row.limit is not None:
        marks += [
            bar("tolerated", (x(row.stable or 0), x(row.limit)), middle - 7, 14),
            line("limit", (x(row.limit), x(row.limit)), (middle - 8, middle + 8)),
        ]
    if row.stable is not None:
        marks.append(dot("stable", x(row.stable), middle, 6))
    beyond = row.limit is not None and row.canary > row.limit
    return [*marks, dot("bad" if beyond else "canary", x(row.canary), middle, 4.5)]


def evidence(looks: Sequence[Look]) -> Chart | None:
    """Return what the last look's evidence says for and against the canary, guard by guard."""
    judged = [look for look in looks if any(guard.harm is not None for guard in look.guards)]
    if not judged:
        return None
    last = judged[-1]
    guards = [guard for guard in last.guards if guard.harm is not None]
    x = Scale(FAINTEST, STRONGEST, LEFT, RIGHT)
    bottom = TOP + ROW * len(guards)
    marks = [*_odds_grid(x, bottom)]
    for place, guard in enumerate(guards):
        marks += _weighed(guard, last.enough, x, TOP + ROW * place)
    said = "; ".join(f"{guard.name}: {_told(guard)}" for guard in guards)
    table = Table("", _ODDS, tuple(row for look in judged for row in _odds_rows(look)))
    both = (("bad", "for harm"), ("good", "for safety"))
    key = both if any(guard.safety is not None for guard in guards) else both[:1]
    title = f"Evidence {last.label}, as odds"
    height = bottom + AXIS
    return Chart("evidence", title, said, WIDTH, height, tuple(marks), key, table)


_ODDS: Columns = (
    ("", "text"),
    ("for harm", "number"),
    ("bad from", "number"),
    ("for safety", "number"),
    ("good from", "number"),
)


def _told(guard: Guard) -> str:
    safe = "" if guard.safety is None else f", for safety {words.odds(guard.safety)}"
    return f"for harm {words.odds(guard.harm or 0.0)}{safe}"


def _odds_rows(look: Look) -> list[tuple[str, ...]]:
    return [
        (
            f"{guard.name} {look.label}",
            *(
                "–" if log is None else words.odds(log)
                for log in (guard.harm, guard.allowed, guard.safety, look.enough)
            ),
        )
        for guard in look.guards
    ]


def _odds_grid(x: Scale, bottom: float) -> list[Mark]:
    odds = {"1/1,000": 1e-3, "1": 1.0, "1,000": 1e3, "1,000,000": 1e6}
    at = {said: x(math.log(value)) for said, value in odds.items()}
    return [
        *(line("grid", (where, where), (TOP + 18, bottom)) for where in at.values()),
        *(_tick(said, where, bottom) for said, where in at.items()),
        line("axis", (x(0), x(0)), (TOP + 18, bottom)),
    ]


def _weighed(guard: Guard, enough: float | None, x: Scale, top: float) -> list[Mark]:
    return [
        text(guard.name, LEFT, top + 12),
        text(_told(guard), RIGHT, top + 12, "end quiet"),
        *_proof("bad", guard.harm, guard.allowed, x, top + 20),
        *_proof("good", guard.safety, enough, x, top + 32),
    ]


def _proof(css: str, log: float | None, needed: float | None, x: Scale, top: float) -> list[Mark]:
    """Return a bar from "nobody knows" to the evidence, and the line from which on it is enough."""
    if log is None:
        return []
    proven = needed is not None and log >= needed
    marks = [bar(css if proven else f"{css} short", (x(0), x(log)), top, 8)]
    return marks if needed is None else [*marks, line(css, (x(needed),) * 2, (top - 2, top + 10))]
