"""Numbers, moments and models as the card says them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from serving.figures import figure
from serving.rollout.record import instant

SURE = 1e6
"""Odds beyond it are told as this much."""


def percent(share: float) -> str:
    """Return a share of 1 as percent, with as many digits as tell something."""
    value = share * 100
    return "0 %" if not value else f"{value:.2f} %" if abs(value) < 0.1 else f"{value:.1f} %"


def milliseconds(seconds: float) -> str:
    """Return a latency."""
    value = seconds * 1e3
    return "0 ms" if not value else f"{value:.2f} ms" if value < 10 else f"{value:,.0f} ms"


def duration(seconds: float) -> str:
    """Return how long something took, in its two largest units."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    units = ((days, "d"), (hours, "h"), (minutes, "min"), (rest, "s"))
    first = next(place for place, (amount, _) in enumerate(units) if amount)
    return " ".join(f"{amount} {unit}" for amount, unit in units[first : first + 2] if amount)


def moment(text: str) -> str:
    """Return a moment of the ledger to the second."""
    return f"{seconds_of(text).strftime('%Y-%m-%d %H:%M:%S')} UTC"


def clock(seconds: float, longest: float) -> str:
    """Return a tick of a time axis that is `longest` seconds long."""
    if longest < 180:
        return f"{seconds:g} s"
    if longest < 10800:
        return f"{seconds / 60:g} min"
    return f"{seconds / 3600:g} h" if longest < 259200 else f"{seconds / 86400:g} d"


def seconds_of(text: str) -> datetime:
    """Return the moment that a record's time stands for."""
    return instant(text).astimezone(UTC)


def odds(log_evidence: float) -> str:
    """Return an e-value: how often a fair bet on it would have doubled, as one number."""
    value = math.exp(min(log_evidence, math.log(SURE)))
    if log_evidence >= math.log(SURE):
        return f"{SURE:,.0f} or more"
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def model(it: Mapping[str, Any] | None) -> str:
    """Return what a model is called; "nothing" where there is none."""
    if not it:
        return "nothing"
    return f"version {it['version']}" if it.get("version") else f"the model at {it.get('uri')}"


def word(kind: str) -> str:
    """Return a kind or an outcome with blanks."""
    return kind.replace("_", " ")


def number(value: Any) -> str:
    """Return a number to four digits, a dash where there is none."""
    if value is None:
        return "–"
    return figure(value) if isinstance(value, float) else f"{value:,}"
