"""What a person sees of a run while it goes on: one line a step, and what the step says."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pipelines.journal import Result, Step
    from pipelines.step_log import Note

LONG = frozenset(
    {"deploy", "measure-trials", "train-images"}
)  # their notes are worth seeing while they go on
SILENT = frozenset({"finish", "go-untuned"})  # the exit handler of every run, and a hand-over
EXIT = {"promoted": 0, "held": 0, "rejected": 3, "rolled_back": 4, "conflict": 5}
"""The exit code of a run, by its outcome."""
MARKS = {"succeeded": "✓", "failed": "✗"}
COLOURS = {"promoted": "green", "rejected": "yellow", "rolled_back": "yellow", "held": "yellow"}


class Progress:
    """Prints a run's steps and notes as they come."""

    def __init__(self, *, quiet: bool = False, indent: str = "  ") -> None:
        self._quiet = quiet
        self._kept: list[str] = []
        self._last: Note | None = None
        self._indent = indent
        self._width = 11
        # While the engine runs, what is printed to sys.stdout goes to the logs.
        self._out = sys.stdout

    def begin(self, run_id: str, arguments: Mapping[str, Any]) -> None:
        """Say what is about to run."""
        data = Path(str(arguments["data_uri"])).name
        of = f", predicting {arguments['target']}" if "target" in arguments else ""
        self._width = 11 if "target" in arguments else 15
        what = f"{arguments['model_kind']} on {data}{of}"
        self.line(f"{click.style(run_id, bold=True)}  {what}", indent="")

    def tell(self, event: Step | Note) -> None:
        """Print a step's end, or one of its notes."""
        from pipelines.step_log import Note

        if isinstance(event, Note):
            self._noted(event)
        elif event.ended is None:
            if event.name in LONG:
                self.line(f"… {event.name}")
        elif event.name not in SILENT:
            self.line(f"{MARKS[event.status]} {event.name:<{self._width}}{event.seconds:6.1f} s")
            for note in self._kept:
                self.line(f"    {note}")
            self._kept.clear()

    def _noted(self, note: Note) -> None:
        """Show a long step's note at once; a short step's stand below its line."""
        if note.urgent:
            self.line(f"… {note.step}: {note.text}")
        elif note.step in LONG:
            if note != self._last:  # "waiting …" every second is worth one line
                self.line(f"    {note.text}")
            self._last = note
        else:
            self._kept.append(note.text)

    def end(self, result: Result) -> None:
        """Say how the run ended."""
        word = click.style(result.outcome.replace("_", " "), fg=COLOURS.get(result.outcome, "red"))
        self.line(f"{word}: {result.sentence}  ({result.seconds:.1f} s)", indent="")

    def line(self, text: str, *, indent: str | None = None) -> None:
        """Print one line."""
        if not self._quiet:
            click.echo((self._indent if indent is None else indent) + text, file=self._out)
