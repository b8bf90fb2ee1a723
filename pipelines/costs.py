"""What a run took and what that would cost: seconds and a price for an hour in, money out. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.journal import Step

HOUR_S = 3600.0
BETWEEN = "between steps"


@dataclass(frozen=True)
class Part:
    """What one step, or the time between them, took and cost."""

    name: str
    seconds: float
    cost: float


@dataclass(frozen=True)
class Estimate:
    """A run's parts in their order, and what they come to; money is in the price's currency."""

    parts: tuple[Part, ...]

    @property
    def seconds(self) -> float:
        """The seconds of all parts."""
        return sum(part.seconds for part in self.parts)

    @property
    def cost(self) -> float:
        """The cost of all parts."""
        return sum(part.cost for part in self.parts)


def taken(step: Step, now: float) -> float:
    """Return the seconds that a step took, or has taken until `now` where it runs."""
    return max(0.0, (now if step.ended is None else step.ended) - step.started)


def estimate(
    steps: Sequence[Step], price_hour: float, now: float, whole_s: float | None = None
) -> Estimate:
    """Return what a run costs on a machine at a price for an hour.

    `whole_s`: the seconds of the run, where one machine is taken for all of them: what lies between
    the steps is paid as well. None where each step has a pod of its own, which is paid alone.
    """
    found = [(step.name, taken(step, now)) for step in steps]
    if whole_s is not None:
        found.append((BETWEEN, max(0.0, whole_s - sum(seconds for _, seconds in found))))
    parts = (Part(name, seconds, seconds * price_hour / HOUR_S) for name, seconds in found)
    return Estimate(tuple(parts))
