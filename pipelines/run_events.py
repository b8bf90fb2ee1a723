"""One run as it goes on: its steps, what they say, the curve as it grows, how it ends.

All of it stands in files of the run's folder, so that any number of watchers costs the trainer
nothing, and MLflow is not asked.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines import attempts
from pipelines.journal import Result, RunFolder, Step

TAIL_BYTES = 64 * 2**10
"""Of a log that is long already, so much is told at first."""
PIECE_BYTES = 2**20
"""So much of a file is read at once; the rest comes with the next look."""


@dataclass(frozen=True)
class LogLine:
    """A line that a step said."""

    step: str
    text: str


@dataclass(frozen=True)
class Measured:
    """What was measured after an epoch: train_loss, val_loss and the like; 0: of the model."""

    epoch: int
    values: Mapping[str, float]


@dataclass(frozen=True)
class BegunAgain:
    """The run's process was killed, and everything told so far is of an earlier attempt."""

    attempt: int


Event = Step | LogLine | Measured | BegunAgain | Result


def follow(
    folder: RunFolder,
    every_s: float = 0.25,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Event]:
    """Yield what has happened and then what happens, until the run has ended with a `Result`."""
    follower = Follower(folder)
    while True:
        yield from follower.poll()
        if follower.ended:
            return
        sleep(every_s)


class Follower:
    """Reads what is new in a run's folder; it remembers how far it has read, and nothing else."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._attempt = 0
        self.ended = False

    def poll(self) -> list[Event]:
        """Return what has happened since the last call; after the `Result` always nothing."""
        if self.ended:
            return []
        ended = self._folder.ended  # asked first: what is read after it is complete
        events = self._attempts()
        events += self._said()
        steps = [found for record in _records(self._journal) if (found := _step(record))]
        self._known |= {step.name: None for step in steps}
        measured = [_measured(record) for record in _records(self._curve)]
        events += [*steps, *self._said(), *(each for each in measured if each)]
        if ended and not self.is_behind:
            self.ended = True
            events += [*self._last_words(), result(self._folder)]
        return events

    @property
    def is_behind(self) -> bool:
        """Whether more lies there than the last call has told: a piece of each file at a time."""
        return any(lines.left for lines in (self._journal, self._curve, *self._logs.values()))

    def _last_words(self) -> list[LogLine]:
        """Return what a step said last where its process was killed within a line."""
        torn = ((step, self._logs[step].torn) for step in self._known)
        return [LogLine(step, text) for step, text in torn if text]

    def _attempts(self) -> list[Event]:
        """Begin at the beginning where the run has begun again."""
        attempt = attempts.number(self._folder)
        if attempt == self._attempt:
            return []
        again = self._attempt > 0
        self._attempt = attempt
        self._journal = Lines(self._folder.path / "journal.jsonl")
        self._curve = Lines(self._folder.curve)
        self._logs: dict[str, Lines] = {}
        self._known: dict[str, None] = {}
        return [BegunAgain(attempt)] if again else []

    def _said(self) -> list[LogLine]:
        for step in self._known.keys() - self._logs.keys():
            self._logs[step] = Lines(self._folder.log(step), TAIL_BYTES)
        return [
            LogLine(step, line) for step in self._known for line in self._logs[step].new_lines()
        ]


class Lines:
    """The lines of a file that grows, each once; of a long one only the last `tail` bytes."""

    def __init__(self, path: Path, tail: int | None = None) -> None:
        self._path, self._tail = path, tail
        self._at: int | None = None
        self._torn = b""
        self.left = False
        """Whether more lies there than was read."""

    @property
    def torn(self) -> str:
        """What stands behind the last whole line."""
        return self._torn.decode("utf-8", errors="replace")

    def new_lines(self) -> list[str]:
        """Return the whole lines that were added; none where the file is not there yet."""
        try:
            with self._path.open("rb") as file:
                if self._at is None:
                    self._at = self._beginning(file)
                file.seek(self._at)
                piece = file.read(PIECE_BYTES)
        except FileNotFoundError:
            return []
        self._at += len(piece)
        self.left = len(piece) == PIECE_BYTES
        *lines, self._torn = (self._torn + piece).split(b"\n")
        return [line.decode("utf-8", errors="replace") for line in lines]

    def _beginning(self, file: Any) -> int:
        size = os.fstat(file.fileno()).st_size
        if self._tail is None or size <= self._tail:
            return 0
        file.seek(size - self._tail)
        file.readline()
        return int(file.tell())


def result(folder: RunFolder) -> Result:
    """Return how a run ended."""
    record = json.loads((folder.path / "result.json").read_text(encoding="utf-8"))
    steps = tuple(Step(**step) for step in record.pop("steps", ()))
    return Result(**record, steps=steps)


def curve(folder: RunFolder) -> list[Measured]:
    """Return what was measured after each epoch so far; empty of a model without epochs."""
    try:
        lines = folder.curve.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    return [found for record in _parsed(lines) if (found := _measured(record)) and found.epoch]


def _step(record: Any) -> Step | None:
    try:
        return Step(**record)
    except TypeError:
        return None


def _measured(record: Any) -> Measured | None:
    try:
        return Measured(int(record["epoch"]), record["values"])
    except (KeyError, TypeError, ValueError):
        return None


def _records(lines: Lines) -> Iterator[Any]:
    return _parsed(lines.new_lines())


def _parsed(lines: Iterable[str]) -> Iterator[Any]:
    """Yield what the lines hold; one that was torn by a kill is left out."""
    for line in lines:
        try:
            yield json.loads(line)
        except ValueError:
            continue
