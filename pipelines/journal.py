"""The record of one run here: `runs/<run-id>/`.

arguments.json  the parameters of the compiled pipeline
asked.json      what was asked for, where it was queued (`pipelines.asked`)
origin.json     what it came from (`pipelines.origin`): what a repetition needs
process.json    whose process it runs in
journal.jsonl   its steps as they begin and end
curve.jsonl     what was measured after each epoch (`components.curve`)
usage.jsonl     what training and tuning used of the machine (`pipelines.run_usage`)
logs/           what each step said
result.json     how it ended
attempts/       what was there when its process was killed, where it was begun again
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipelines.processes import Process
from serving.errors import KanaryaError
from serving.lasting import after_torn
from serving.storage import partial

WAITING, RUNNING, SUCCEEDED, FAILED = "waiting", "running", "succeeded", "failed"
CANCELLED = "cancelled"


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
    """How a run ended: promoted, rolled_back, held, conflict, rejected, failed or cancelled.

    `metrics`: of the candidate on the test rows, where it came so far.
    """

    run_id: str
    outcome: str
    sentence: str
    version: str | None = None
    seconds: float = 0.0
    steps: tuple[Step, ...] = field(default=())
    metrics: Mapping[str, float] = field(default_factory=dict)


def new_run_id(name: str, now: datetime) -> str:
    """Return a run id that sorts by time and does not collide."""
    return f"{name}-{now.astimezone(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def begun(run_id: str) -> tuple[str, str]:
    """Return what sorts run ids by time: `<model>-<date>-<time>-<four digits>`."""
    return run_id[-20:-5], run_id


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

    @property
    def curve(self) -> Path:
        """Return the file of what was measured after each epoch."""
        return self.path / "curve.jsonl"

    @property
    def usage(self) -> Path:
        """Return the file of what steps used of the machine."""
        return self.path / "usage.jsonl"

    @property
    def ended(self) -> bool:
        """Say whether it is written down how the run ended."""
        return (self.path / "result.json").is_file()

    def log(self, step: str) -> Path:
        """Return the log file of a step."""
        return self.path / "logs" / f"{step}.log"

    def create(self, arguments: dict[str, Any], origin: Mapping[str, Any] | None = None) -> None:
        """Make the folder and write down what was asked for, and what it came from."""
        (self.path / "logs").mkdir(parents=True)
        if origin is not None:
            self.write("origin.json", origin)
        self.write("arguments.json", arguments)

    @contextmanager
    def or_nothing(self) -> Iterator[None]:
        """Take the folder away again where the body fails: nobody was told of the run."""
        try:
            yield
        except (KanaryaError, OSError):
            shutil.rmtree(self.path, ignore_errors=True)
            raise

    def write(self, name: str, record: Mapping[str, Any]) -> None:
        """Write one of the run's records, as JSON that people read."""
        text = json.dumps(record, indent=2, sort_keys=True)
        (self.path / name).write_text(text + "\n", encoding="utf-8")

    def own(self, process: Process) -> None:
        """Write down whose process the run is in."""
        text = json.dumps(asdict(process))
        (self.path / "process.json").write_text(text + "\n", encoding="utf-8")

    def owner(self) -> Process | None:
        """Return whose process the run is or was in; None where it has not begun."""
        try:
            text = (self.path / "process.json").read_text(encoding="utf-8")
            return Process(**json.loads(text))
        except (OSError, ValueError, TypeError):
            return None

    def append(self, step: Step) -> None:
        """Add a step's state to the journal; the last line of a step is the one that counts."""
        with (self.path / "journal.jsonl").open("a+b") as file:
            file.write(after_torn(file) + json.dumps(asdict(step)).encode() + b"\n")

    def steps(self) -> tuple[Step, ...]:
        """Return the steps in the order in which they began, without a half-written line."""
        latest: dict[str, Step] = {}
        for record in _records(self.path / "journal.jsonl"):
            latest[record["name"]] = Step(**record)
        return tuple(latest.values())

    def metrics(self) -> dict[str, float]:
        """Return what was measured of the candidate on the test rows; none before that."""
        found = sorted(self.pipeline_root.glob("*/evaluate*/evaluation/scores.json"))
        try:
            scores = json.loads(found[-1].read_text(encoding="utf-8")) if found else {}
        except ValueError:
            return {}
        return {name: float(value) for name, value in scores.get("candidate", {}).items()}

    def close(self, result: Result) -> None:
        """Write down how the run ended."""
        text = json.dumps(asdict(result), indent=2)
        with partial(self.path / "result.json") as unfinished:
            unfinished.write_text(text + "\n", encoding="utf-8")


def _records(path: Path) -> Iterator[dict[str, Any]]:
    if not path.is_file():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        with suppress(ValueError):  # torn by a kill, or a disk that was full
            yield json.loads(line)
