"""The steps of a run here as lines: how long each took, its part of the whole, what it used."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any


def step_lines(record: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for each step of a run as `kanarya runs show --json` tells it, and the sum."""
    from pipelines.costs import taken
    from pipelines.journal import Step

    used = {each["step"]: each for each in record["used"]}
    steps = [Step(**dict(step)) for step in record["steps"]]
    seconds = [taken(step, time.time()) for step in steps]
    whole = record["seconds"] or sum(seconds)
    for step, took in zip(steps, seconds, strict=True):
        part = f"{took / whole:5.0%}" if whole else ""
        said = f"  {step.name:<15} {step.status:<10} {took:7.1f} s {part}"
        yield f"{said}{_used(used.get(step.name))}".rstrip()
    if record["seconds"]:
        between = max(0.0, whole - sum(seconds))
        yield f"  {'in all':<26} {whole:7.1f} s, {between:.1f} s of it between steps"


def used_by(folder: Path) -> list[dict[str, Any]]:
    """Return what steps used of the machine, the last try of each; those that were watched."""
    from pipelines.journal import RunFolder
    from pipelines.run_usage import read

    return [asdict(each) for each in read(RunFolder(folder)).totals]


def _used(told: Mapping[str, Any] | None) -> str:
    if told is None:
        return ""
    return f"   {told['cpu_s']:.1f} s of processors, {told['memory_mb']:.0f} MB at most"
