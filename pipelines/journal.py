"""The record of one run here: `runs/<run-id>/`.

arguments.json  the parameters of the compiled pipeline
origin.json     what it came from (`pipelines.origin`): what a repetition needs
journal.jsonl   its steps as they begin and end
logs/           what each step said
result.json     how it ended
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RUNNING, SUCCEEDED, FAILED = "running", "succeeded", "failed"


@dataclass(frozen=True)
class Step:
    """One step of a run: when it began, when it ended, and how."""

    name: str
    status: str
    started: float
    ended: float | None = None

    @property
    def seconds(self) -> float:
        """Return the step's duration; 0 while it runs."""
        return 0.0 if self.ended is None else self.ended - self.started


@dataclass(frozen=True)
class Result:
    """How a run ended: promoted, rolled_back, held, conflict, rejected or failed."""

    run_id: str
    outcome: str
    sentence: str
    version: str | None = None
    seconds: float = 0.0
    steps: tuple[Step, ...] = field(default=())

    @property
    def orchestration_share(self) -> float:
        """Return the part of the time that no step used, 0 to 1."""
        worked = sum(step.seconds for step in self.steps)
        return max(0.0, 1 - worked / self.seconds) if self.seconds else 0.0


def new_run_id(name: str, now: datetime) -> str:
    """Return a run id that sorts by time and does not collide."""
    return f"{name}-{now.astimezone(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run."""

    path: Path

    @property
    def run_id(self) -> str:
        """Return the run's id, which is the folder's name."""
        return self.path.name

    @property
    def pipeline_root(self) -> Path:
        """Return where the steps' artifacts go."""
        return self.path / "artifacts"

    def log(self, step: str) -> Path:
        """Return the log file of a step."""
        return self.path / "logs" / f"{step}.log"

    def create(self, arguments: dict[str, Any], origin: Mapping[str, Any] | None = None) -> None:
        """Make the folder and write down what was asked for, and what it came from."""
        (self.path / "logs").mkdir(parents=True)
        records = {"origin.json": origin, "arguments.json": arguments}
        for name, record in records.items():
            if record is not None:
                text = json.dumps(record, indent=2, sort_keys=True)
                (self.path / name).write_text(text + "\n", encoding="utf-8")

    def append(self, step: Step) -> None:
        """Add a step's state to the journal; the last line of a step is the one that counts."""
        with (self.path / "journal.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(step)) + "\n")

    def steps(self) -> tuple[Step, ...]:
        """Return the steps in the order in which they began, without a half-written last line."""
        latest: dict[str, Step] = {}
        for record in _records(self.path / "journal.jsonl"):
            latest[record["name"]] = Step(**record)
        return tuple(latest.values())

    def close(self, result: Result) -> None:
        """Write down how the run ended."""
        text = json.dumps(asdict(result), indent=2)
        partial = self.path / "result.json.partial"
        partial.write_text(text + "\n", encoding="utf-8")
        partial.replace(self.path / "result.json")


def _records(path: Path) -> Iterator[dict[str, Any]]:
    if not path.is_file():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            return
