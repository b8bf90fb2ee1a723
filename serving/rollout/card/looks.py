"""The verdicts of a rollout as numbers in time: what charts and tables are made from. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from serving.rollout.card.words import seconds_of

OPENING = ("split", "resumed", "approved")
"""Kinds of records after which the canary has what their percent says."""


@dataclass(frozen=True)
class Asked:
    """Requests and errors of one revision, since the beginning; its newest 95th percentile."""

    requests: int
    errors: int
    p95_s: float | None = None

    @property
    def error_rate(self) -> float:
        """Share of failed requests."""
        return self.errors / self.requests if self.requests else 0.0


@dataclass(frozen=True)
class Guard:
    """One share of the canary, the highest that was tolerated, and the evidence on it (logs)."""

    name: str
    value: float | None = None
    limit: float | None = None
    harm: float | None = None
    allowed: float | None = None
    safety: float | None = None


@dataclass(frozen=True)
class Look:
    """One verdict: at which percent, from when to when (seconds since the rollout began).

    `share`: the canary's measured part of the requests since the look before, None where nothing
    was counted.
    """

    percent: int
    verdict: str
    began_s: float
    ended_s: float
    canary: Asked | None = None
    stable: Asked | None = None
    share: float | None = None
    enough: float | None = None
    guards: tuple[Guard, ...] = field(default=())

    @property
    def label(self) -> str:
        """Name it for a chart's row."""
        return f"at {self.percent} %" if self.percent else "in the shadow"


def looks(decision: Mapping[str, Any]) -> tuple[Look, ...]:
    """Return every verdict of a decision that has numbers, oldest first."""
    found: list[Look] = []
    for measured in decision.get("measured", ()):
        found.append(_look(decision, measured, _newest(found)))
    return tuple(found)


def since(decision: Mapping[str, Any], at: str) -> float:
    """Return the seconds from the rollout's beginning to a moment."""
    return (seconds_of(at) - seconds_of(decision["began"])).total_seconds()


def _newest(found: Sequence[Look]) -> Look | None:
    return next((look for look in reversed(found) if look.canary), None)


def _look(decision: Mapping[str, Any], measured: Mapping[str, Any], before: Look | None) -> Look:
    canary, stable = (_asked(measured.get(name)) for name in ("canary", "stable"))
    ended = since(decision, measured["at"])
    return Look(
        percent=measured["percent"],
        verdict=measured["verdict"],
        began_s=_began(decision, measured["percent"], ended),
        ended_s=ended,
        canary=canary,
        stable=stable,
        share=_share(canary, stable, before),
        enough=measured.get("enough"),
        guards=tuple(Guard(**guard) for guard in measured.get("guards", ())),
    )


def _asked(value: Mapping[str, Any] | None) -> Asked | None:
    return Asked(**value) if value else None


def _began(decision: Mapping[str, Any], percent: int, ended: float) -> float:
    """Return when the split that was judged had been asked for."""
    opened = [
        since(decision, moment["at"])
        for moment in decision["timeline"]
        if moment["kind"] in OPENING and moment["percent"] == percent
    ]
    return max((at for at in opened if at < ended), default=0.0)


def _share(canary: Asked | None, stable: Asked | None, before: Look | None) -> float | None:
    if canary is None or stable is None:
        return None
    had = (before.canary, before.stable) if before else (None, None)
    new = [
        now.requests - (then.requests if then else 0)
        for now, then in zip((canary, stable), had, strict=True)
    ]
    return new[0] / sum(new) if sum(new) > 0 else None
