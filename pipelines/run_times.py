"""How long steps take, and how many runs an hour end: of the runs of this machine."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.journal import SUCCEEDED, RunFolder

if TYPE_CHECKING:
    from pipelines.run_row import Row


@dataclass(frozen=True)
class StepTime:
    """The seconds that a step took where it succeeded: how often, at the median, at most."""

    step: str
    runs: int
    median_s: float
    longest_s: float


def step_times(folders: Iterable[Path]) -> list[StepTime]:
    """Return the times of the steps of these runs, in the order in which steps first appear."""
    found: defaultdict[str, list[float]] = defaultdict(list)
    for folder in folders:
        for step in RunFolder(folder).steps():
            if step.status == SUCCEEDED:
                found[step.name].append(step.seconds)
    return [StepTime(n, len(s), statistics.median(s), max(s)) for n, s in found.items()]


def ended_per_hour(rows: Iterable[Row], now: float, hours: float = 1.0) -> float:
    """Return how many runs an hour have ended in the last `hours`; `now` in seconds."""
    since = now - 3600 * hours
    ends = (row.started + row.seconds for row in rows if row.ended and row.seconds is not None)
    return sum(since < end <= now for end in ends) / hours
