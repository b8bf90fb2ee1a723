"""A run that is begun again: what the killed attempt left is put aside, and nothing is lost."""

from __future__ import annotations

import json
from pathlib import Path

from pipelines.journal import RunFolder

FOLDER, ENDED = "attempts", "ended.json"
RECORDS = ("journal.jsonl", "curve.jsonl", "usage.jsonl", "origin.json", "process.json")
LEFT = (*RECORDS, "logs", "artifacts", "tmp")
"""What an attempt leaves in the run's folder."""


def number(folder: RunFolder) -> int:
    """Return which attempt goes on or comes next, from 1."""
    return len(_earlier(folder)) + 1


def kills(folder: RunFolder) -> int:
    """Return how many attempts were killed."""
    return sum(_was_killed(each) for each in _earlier(folder))


def put_aside(folder: RunFolder, *, killed: bool, sentence: str) -> None:
    """Move what an attempt left to `attempts/<number>/`, and write down why it ended.

    Whoever is killed on the way leaves it to the next one, who puts the rest aside as well.
    """
    aside = folder.path / FOLDER / str(number(folder))
    unfinished = aside.with_name(f"{aside.name}.partial")
    unfinished.mkdir(parents=True, exist_ok=True)
    for name in LEFT:
        left = folder.path / name
        if left.exists():
            left.replace(unfinished / name)
    text = json.dumps({"killed": killed, "sentence": sentence})
    (unfinished / ENDED).write_text(text + "\n", encoding="utf-8")
    unfinished.replace(aside)


def key(folder: RunFolder) -> str:
    """Return what MLflow knows this attempt by: the run's id, and from the second its number."""
    attempt = number(folder)
    return folder.run_id if attempt == 1 else f"{folder.run_id}.{attempt}"


def _earlier(folder: RunFolder) -> list[Path]:
    return [each for each in (folder.path / FOLDER).glob("*") if each.name.isdecimal()]


def _was_killed(attempt: Path) -> bool:
    try:
        return bool(json.loads((attempt / ENDED).read_text(encoding="utf-8"))["killed"])
    except (OSError, ValueError, KeyError):
        return True
