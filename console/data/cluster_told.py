"""What a process that asked Kubeflow Pipelines answers, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipelines.journal import Step
from pipelines.run_row import Row


@dataclass(frozen=True)
class Listed:
    """Rows of the newest runs of our pipelines; `whole`: of all `NEWEST`, else of what changed.

    `gone`: the ids of runs that were deleted.
    """

    rows: tuple[Row, ...]
    whole: bool
    gone: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Log:
    """What a step wrote: the last lines, how many there are in all, its newest fact, its error.

    `missing`: why nobody can say what it wrote, "" where this is it.
    """

    tail: tuple[str, ...] = ()
    said: int = 0
    note: str = ""
    error: str = ""
    missing: str = ""


@dataclass(frozen=True)
class Looked:
    """One run at one moment; `logs` of the steps that go on, and of those that ended since.

    `waiting`: why a step's pod does not start, by step; that of "" is about the run.
    """

    row: Row
    arguments: Mapping[str, Any]
    steps: tuple[Step, ...] = ()
    logs: Mapping[str, Log] = field(default_factory=dict)
    waiting: Mapping[str, str] = field(default_factory=dict)
