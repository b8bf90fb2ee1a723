"""The output of kfp.local, cut into one log per step and told as events."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from components.telling import NOTE
from pipelines.journal import FAILED, RUNNING, SUCCEEDED, Step

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_BEGUN = re.compile(r"^\d\d:\d\d:\d\d\.\d+ - INFO - Executing task '(?P<step>[^']+)'$")
_ENDED = re.compile(
    r"^\d\d:\d\d:\d\d\.\d+ - \w+ - Task '(?P<step>[^']+)' finished with status (\w+)$"
)
_INDENT = "    "


@dataclass(frozen=True)
class Note:
    """One fact that a running step says; `urgent` where it may not come to its end without help."""

    step: str
    text: str
    urgent: bool = False


class StepLog(io.TextIOBase):
    """A text stream for kfp.local to print to.

    Args:
        folder: Where `<step>.log` files go; what belongs to no step goes to `engine.log`.
        clock: Returns the time in seconds.
        tell: Called with every step when it begins and when it ends, and with its notes.
        before: Called with a step's name before it begins; the step waits until it returns.
    """

    def __init__(
        self,
        folder: Path,
        clock: Callable[[], float],
        tell: Callable[[Step | Note], None],
        before: Callable[[str], None] = lambda step: None,
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._tell = tell
        self._before = before
        self._rest = ""
        self._running: Step | None = None
        self.failure: OSError | None = None
        self._file: TextIO = (folder / "engine.log").open("a", encoding="utf-8")

    def writable(self) -> bool:
        """Return True: it is a stream to print to."""
        return True

    def write(self, text: str) -> int:
        """Take printed text; whole lines are filed at once."""
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._filed(_COLOUR.sub("", line))
        return len(text)

    def close(self) -> None:
        """File what is left and close the files."""
        if self._rest:
            self._filed(self._rest)
            self._rest = ""
        try:
            self._file.close()
        except OSError as error:
            self.failure = self.failure or error
        super().close()

    def _filed(self, line: str) -> None:
        """File a line; `failure` keeps the reason why one could not be, and nothing is filed then.

        Whoever prints (the engine, through logging) would answer an error with a traceback.
        """
        if self.failure:
            return
        try:
            self._line(line)
        except BrokenPipeError:
            raise
        except OSError as error:
            self.failure = error

    def _line(self, line: str) -> None:
        if begun := _BEGUN.match(line):
            self._before(begun["step"])
            self._running = Step(begun["step"], RUNNING, self._clock())
            self._switch(f"{begun['step']}.log")
            self._tell(self._running)
        elif (ended := _ENDED.match(line)) and self._running:
            status = SUCCEEDED if ended[2] == "SUCCESS" else FAILED
            step = self._running
            self._running = None
            self._switch("engine.log")
            self._tell(Step(step.name, status, step.started, self._clock()))
        else:
            self._said(line.removeprefix(_INDENT))

    def _said(self, line: str) -> None:
        self._file.write(line + "\n")
        self._file.flush()
        if self._running and line.startswith(NOTE):
            self._tell(Note(self._running.name, line.removeprefix(NOTE)))

    def _switch(self, name: str) -> None:
        self._file.close()
        self._file = (self._folder / name).open("a", encoding="utf-8")
