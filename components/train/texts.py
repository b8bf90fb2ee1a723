"""What stands beside a network as text, for people: the names of its classes, and its layers."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from serving.artifact import NATIVE

CLASS_NAMES, SUMMARY = "class_names.txt", "model_summary.txt"
TEXTS = tuple(f"{NATIVE}/{name}" for name in (CLASS_NAMES, SUMMARY))
"""Where they are in what training leaves."""


class Logging(Protocol):
    """What it needs of `components.tracking`."""

    def log_file(self, run_id: str, text: str, name: str) -> None:
        """Put a text file on the run."""


def log_texts(directory: Path, run_id: str, tracker: Logging) -> None:
    """Put them on the run."""
    for path in (directory / each for each in TEXTS):
        tracker.log_file(run_id, path.read_text("utf-8"), path.name)
