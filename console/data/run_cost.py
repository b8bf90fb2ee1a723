"""What a run took and what that would cost, as its page shows it. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from console.data.run import Monitored
from pipelines.costs import BETWEEN, Estimate, estimate
from pipelines.journal import Step
from pipelines.run_row import HERE
from pipelines.run_usage import Total


@dataclass(frozen=True)
class Part:
    """One step, or the time between them: seconds, what it used where it was looked at, its cost.

    `cost` is in the currency of the price; None without one.
    """

    name: str
    seconds: float
    used: Total | None = None
    cost: float | None = None


def parts(run: Monitored, price_hour: float | None, now: float) -> tuple[Part, ...]:
    """Return the parts of a run up to `now`, each with its cost where an hour has a price."""
    found = estimate_of(run, price_hour or 0.0, now)
    used = {each.step: each for each in run.usage.totals}
    return tuple(
        Part(each.name, each.seconds, used.get(each.name), each.cost if price_hour else None)
        for each in found.parts
        if each.name != BETWEEN or each.seconds > 0
    )


def estimate_of(run: Monitored, price_hour: float, now: float) -> Estimate:
    """Return what a run costs: here from its beginning to its end, on a cluster for its pods."""
    steps = [
        Step(each.name, each.status, each.started, each.ended)
        for each in run.steps
        if each.started is not None
    ]
    over = run.over or run.row.seconds is not None
    last = max((step.ended or step.started for step in steps), default=now)
    whole = run.row.seconds if run.row.where == HERE else None
    return estimate(steps, price_hour, last if over else now, whole)


def price_of(text: str) -> float | None:
    """Return the price that somebody gave, None for none and for what is no price."""
    try:
        price = float(text)
    except ValueError:
        return None
    return price if 0 < price < math.inf else None
