"""How containers ended, by the engine's own account, read as it happens.

The engine remembers its last 256 events, of everybody who uses it: whoever asks after the fact may
be told of the last containers only.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

EVENTS = ("docker", "events")
Ended = Counter[tuple[str, str]]
"""How many containers of each image ended with which code."""


@contextmanager
def watched(
    label: str, folder: Path, command: Sequence[str] = EVENTS
) -> Iterator[Callable[[], Ended]]:
    """Lend what counts the containers of a label that have ended since, each once."""
    filters = ("--filter", "event=die", "--filter", f"label={label}", "--format", "{{json .}}")
    since = ("--since", f"{time.time():.0f}")
    heard = folder / "events.jsonl"
    with heard.open("wb") as file:
        listening = subprocess.Popen([*command, *since, *filters], stdout=file)

    def ended() -> Ended:
        # What was not heard yet is among the last that the engine remembers.
        until = ("--until", f"{time.time() + 1:.0f}")
        words = [*command, *since, *until, *filters]
        last = subprocess.run(words, capture_output=True, text=True, check=True).stdout
        return counted([*heard.read_text(errors="replace").splitlines(), *last.splitlines()])

    try:
        yield ended
    finally:
        listening.terminate()
        listening.wait()


def counted(lines: Iterable[str]) -> Ended:
    """Count the events of `docker events`, JSON a line; a torn line is one that comes again."""
    ends: dict[str, tuple[str, str]] = {}
    for line in lines:
        try:
            actor = json.loads(line)["Actor"]
        except ValueError:
            continue
        about = actor["Attributes"]
        ends[actor["ID"]] = (about["image"], about["exitCode"])
    return Counter(ends.values())
