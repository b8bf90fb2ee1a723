"""What both revisions did up to now, and what it is worth as evidence. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from serving.rollout.advance import gathered, weighed
from serving.rollout.card.looks import Asked, Guard, Look
from serving.rollout.judge import Judgement, judge_shadow
from serving.rollout.measured import measured
from serving.rollout.observation import NotMeasured, Observation
from serving.rollout.state import Phase, Rollout


@dataclass(frozen=True)
class Seen:
    """The numbers of both revisions, and the guards on them.

    `share`: of the canary in the requests of this step, with `requests` of both in it. `enough`:
    logarithm of the e-value from which on a guard's evidence says safe. `needed`: requests of the
    canary that the verdict waits for. `why`: why nothing is counted.
    """

    canary: Asked | None = None
    stable: Asked | None = None
    share: float | None = None
    requests: int = 0
    guards: tuple[Guard, ...] = ()
    enough: float | None = None
    verdict: str = ""
    needed: int = 0
    why: str = ""

    @classmethod
    def at(cls, look: Look) -> Seen:
        """Return what stood behind a verdict that is past."""
        return cls(
            look.canary,
            look.stable,
            look.share,
            guards=look.guards,
            enough=look.enough,
            verdict=look.verdict,
        )

    @property
    def harm(self) -> float | None:
        """Return the strongest evidence against the canary; from 1 on it is rolled back."""
        parts = [_part(guard.harm, guard.allowed) for guard in self.guards]
        return max((part for part in parts if part is not None), default=None)

    @property
    def safety(self) -> float | None:
        """Return the weakest evidence for the canary; from 1 on the step is passed."""
        parts = [_part(guard.safety, self.enough) for guard in self.guards]
        return min((part for part in parts if part is not None), default=None)


@dataclass(frozen=True)
class Point:
    """One moment of a rollout's charts: what the canary got, and how far the evidence is."""

    at: float
    percent: int
    share: float | None
    harm: float | None
    safety: float | None

    @classmethod
    def of(cls, at: float, percent: int, seen: Seen) -> Point:
        """Return the point of what was seen at a moment."""
        return cls(round(at, 1), percent, seen.share, seen.harm, seen.safety)

    def same(self, other: Point) -> bool:
        """Say whether nothing has changed but the time."""
        mine, theirs = ((p.percent, p.share, p.harm, p.safety) for p in (self, other))
        return mine == theirs


def seen_now(state: Rollout, found: Observation | NotMeasured | None) -> Seen:
    """Return what is known of a rollout now; `found` is what its source says, None: not asked."""
    if state.phase is Phase.SHADOWING and state.shadow:
        return _seen(state, judge_shadow(state.shadow.shadowed, state.policy))
    if isinstance(found, NotMeasured):
        return Seen(why=found.reason)
    if isinstance(found, Observation) and state.baseline and found.continues(state.baseline):
        state = gathered(state, found, state.baseline)
    return _seen(state, weighed(state)) if state.case else Seen()


def trail_of(judged: Iterable[Look], began: float) -> list[Point]:
    """Return the points of the verdicts that the ledger keeps."""
    return [
        Point.of(began + look.ended_s, look.percent, Seen.at(look))
        for look in judged
        if look.percent
    ]


def _seen(state: Rollout, found: Judgement) -> Seen:
    case = state.case if state.percent else None
    numbers = measured(case, found, state.policy, state.percent or 0)
    got, whole = case.split if case else (0, 0)
    return Seen(
        canary=_asked(numbers.get("canary")),
        stable=_asked(numbers.get("stable")),
        share=got / whole if whole else None,
        requests=whole,
        guards=tuple(Guard(**guard) for guard in numbers["guards"]),
        enough=numbers["enough"],
        verdict=found.verdict.value,
        needed=found.needed,
    )


def _asked(value: Mapping[str, Any] | None) -> Asked | None:
    return Asked(**value) if value else None


def _part(log: float | None, needed: float | None) -> float | None:
    """Return evidence as a part of what is asked of it, 0 for evidence to the contrary."""
    if log is None or not needed:
        return None
    return round(max(log / needed, 0.0), 4)
