"""The steps of one run in the order of its pipeline, those that are still to come among them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

TUNING = ("draw-trials", "measure-trials", "choose-trial")
TABLES = (
    "ingest",
    "validate",
    "split",
    *TUNING,
    "train",
    "evaluate",
    "package",
    "servability",
    "gate",
    "register",
    "deploy",
    "reject",
)
PICTURES = tuple(
    f"{name}-images"
    if name in ("ingest", "validate", "split", "train", "evaluate", "package")
    else name
    for name in TABLES
    if name not in TUNING
)
SILENT = frozenset({"finish", "go-untuned"})
"""Steps of the machinery, which nobody waits for; shown only where they failed."""
_INSTEAD = {"reject": ("register", "deploy"), "register": ("reject",)}
"""Once the one has begun, the others never do."""


def planned(arguments: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the steps that a run with these parameters may have, in their order."""
    if "target" not in arguments:
        return PICTURES
    if arguments.get("tune_method"):
        return TABLES
    return tuple(name for name in TABLES if name not in TUNING)


def skipped(name: str, begun: Collection[str], *, ended: bool) -> bool:
    """Say whether a step that has not begun never will."""
    return ended or any(name in _INSTEAD.get(each, ()) for each in begun)
