"""One run as it goes on: its steps and what they said, the curve, the gate, how it ended."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from console.data import plots
from console.data import steps as plan
from console.data.gate import Gate, gate_of
from console.data.runs import Runs
from console.data.step_shown import Step, heard, shown
from pipelines import attempts
from pipelines.journal import FAILED, Result, RunFolder
from pipelines.journal import Step as Journalled
from pipelines.run_events import BegunAgain, Event, Follower, Lines, LogLine, Measured
from pipelines.run_row import DAMAGED, HERE, Row
from pipelines.run_usage import Usage
from serving.errors import NotFound


@dataclass(frozen=True)
class Monitored:
    """A run at one moment; `attempt` counts from 1, `key` is its name in MLflow and the ledger.

    Of a run of another place `troubles` say what cannot be read of it now, and `told` is False
    while more is to come although it has ended.
    """

    row: Row
    steps: tuple[Step, ...] = ()
    curve: tuple[Measured, ...] = ()
    gate: Gate | None = None
    attempt: int = 1
    troubles: tuple[str, ...] = ()
    told: bool = True
    usage: Usage = field(default_factory=Usage)

    @property
    def key(self) -> str:
        """Return what MLflow and the ledger know this attempt by."""
        if self.row.where != HERE:
            return self.row.key or self.row.run_id
        return self.row.run_id if self.attempt == 1 else f"{self.row.run_id}.{self.attempt}"

    @cached_property
    def curves(self) -> plots.Plots:
        """Return the curve as it is drawn: a plot for each metric."""
        return plots.curves(self.curve)

    @cached_property
    def uses(self) -> plots.Plots:
        """Return as it is drawn what the run uses of its machine."""
        return plots.usage(self.usage.looks)

    @property
    def over(self) -> bool:
        """Say whether nothing of the run itself changes any more."""
        return self.told and (self.row.ended or self.row.status == DAMAGED)

    def step(self, name: str) -> Step | None:
        """Return a step by its name."""
        return next((step for step in self.steps if step.name == name), None)

    @property
    def newest(self) -> str:
        """Return the step that says most of where the run stands: a failed one, else the last."""
        begun = [step for step in self.steps if step.started is not None]
        bad = [step.name for step in begun if step.status == FAILED]
        return bad[-1] if bad else begun[-1].name if begun else ""


@dataclass
class Watch:
    """Reads a run again and again, each line of its files once; for one thread at a time."""

    runs: Runs
    run_id: str
    _steps: dict[str, Step] = field(default_factory=dict)
    _curve: list[Measured] = field(default_factory=list)
    _plan: tuple[str, ...] = ()
    _gate: Gate | None = None
    _usage: Usage = field(default_factory=Usage)
    _used: Lines | None = None
    _follower: Follower | None = None
    _folder: RunFolder | None = None

    def read(self) -> Monitored:
        """Return the run as it is now. Raises NotFound where there is none of that id."""
        row = self.runs.row(self.run_id)
        if row is None:
            raise NotFound(f"there is no run {self.run_id!r}; `/` lists those there are")
        folder = self._opened()
        for event in self._news():
            self._take(event)
        # The row was read first, so a run may have ended since; the next look has both.
        self._gate = self._gate or self._decided(folder)
        self._usage = self._usage.with_lines(self._used.new_lines() if self._used else ())
        return Monitored(
            row,
            shown(self._plan, self._steps, row),
            tuple(self._curve),
            self._gate,
            attempts.number(folder),
            usage=self._usage,
        )

    def _news(self) -> Iterator[Event]:
        while self._follower:
            yield from self._follower.poll()
            if not self._follower.is_behind:
                return

    def _opened(self) -> RunFolder:
        if self._folder is None:
            self._folder = RunFolder(self.runs.table.root / self.run_id)
            self._follower = Follower(self._folder)
            self._used = Lines(self._folder.usage)
            self._plan = plan.planned(_arguments(self._folder.path))
        return self._folder

    def _take(self, event: Event) -> None:
        match event:
            case BegunAgain():
                self._steps, self._curve, self._gate = {}, [], None
                if self._folder is not None:
                    self._usage, self._used = Usage(), Lines(self._folder.usage)
            case LogLine(step, text):
                self._steps[step] = heard(self._steps.get(step) or Step(step), text)
            case Measured(epoch) if epoch:
                self._curve.append(event)
            case Journalled(name):
                before = self._steps.get(name) or Step(name)
                self._steps[name] = replace(
                    before, status=event.status, started=event.started, ended=event.ended
                )
            case Result():
                for each in event.steps:
                    self._take(each)

    def _decided(self, folder: RunFolder) -> Gate | None:
        step = self._steps.get("gate")
        return gate_of(folder.pipeline_root) if step and step.ended is not None else None


def _arguments(folder: Path) -> Mapping[str, Any]:
    try:
        found = json.loads((folder / "arguments.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
