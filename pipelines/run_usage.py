"""What a run used of its machine: a line for each look of a step, and one for the step in all.

Training and tuning are looked at (`components.usage`); all other steps are over in a second or two.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipelines.journal import RunFolder


@dataclass(frozen=True)
class Look:
    """What a step used at a moment (seconds since 1970), by names with their unit."""

    step: str
    at: float
    values: Mapping[str, float]


@dataclass(frozen=True)
class Total:
    """What a step used in all: its seconds, those of processors, and the most memory in 10^6 B."""

    step: str
    seconds: float
    cpu_s: float
    memory_mb: float


@dataclass(frozen=True)
class Usage:
    """What is known of a run: the totals of steps that are over, and all looks up to now."""

    totals: tuple[Total, ...] = ()
    looks: tuple[Look, ...] = field(default=())

    def with_lines(self, lines: Iterable[str]) -> Usage:
        """Return it with what more lines tell; of a step that was tried again the last counts."""
        found = [each for line in lines if (each := _parsed(line))]
        totals = {each.step: each for each in (*self.totals, *found) if isinstance(each, Total)}
        looks = (each for each in found if isinstance(each, Look))
        return Usage(tuple(totals.values()), (*self.looks, *looks))


def read(folder: RunFolder) -> Usage:
    """Return what a run used up to now; nothing where nobody looked."""
    try:
        return Usage().with_lines(folder.usage.read_text(encoding="utf-8").splitlines())
    except OSError:
        return Usage()


def _parsed(line: str) -> Look | Total | None:
    """Return what a line says; None where it was torn, since the step was killed."""
    try:
        told: dict[str, Any] = json.loads(line)
        if "at" in told:
            return Look(str(told["step"]), float(told["at"]), dict(told["values"]))
        names = ("seconds", "cpu_s", "memory_mb")
        return Total(str(told["step"]), *(float(told[name]) for name in names))
    except (ValueError, KeyError, TypeError):
        return None
