"""What each operation on an InferenceService does to its traffic: one table, several drivers.

The rows are those of KServe's own behaviour in Knative mode. `v2*:10 v1:90` reads: the latest ready
revision is number 2 and gets 10 %, revision 1 gets 90 % by its name.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, Final


class Loads(Enum):
    """How a model behaves when a predictor loads it."""

    AT_ONCE = "at once"
    WHEN_TOLD = "when told"
    NEVER = "crashes"


KEEP: Final = "keep"  # the percent stays as it is


@dataclass(frozen=True)
class Patch:
    """One merge patch of storageUri, canaryTrafficPercent, or both; the first one creates."""

    uri: str | None = None
    percent: int | str | None = KEEP
    loads: Loads = Loads.AT_ONCE

    def predictor(self, address: str | None) -> dict[str, Any]:
        """Return the body below spec.predictor; `address` is where the model really lies."""
        model = {"model": {"modelFormat": {"name": "onnx"}, "storageUri": address}}
        percent = {"canaryTrafficPercent": self.percent}
        return {**(model if self.uri else {}), **(percent if self.percent != KEEP else {})}


@dataclass(frozen=True)
class Loaded:
    """A model that waited is loaded now."""

    uri: str


@dataclass(frozen=True)
class Expect:
    """What the status says once everything has come to rest; `ready` is the Ready condition."""

    traffic: str
    rolledout: str
    previous: str
    ready: str = "True"


Step = tuple[Patch | Loaded, Expect]


@dataclass(frozen=True)
class Row:
    """One row: operations one after the other, and what is to be seen after each."""

    number: str
    title: str
    steps: tuple[Step, ...]

    def __str__(self) -> str:
        return f"row {self.number}: {self.title}"


LIVE: tuple[Step, ...] = ((Patch("m1"), Expect("v1*:100", "v1", "-")),)
CANARY: tuple[Step, ...] = (*LIVE, (Patch("m2", 10), Expect("v2*:10 v1:90", "v1", "-")))
PROMOTED: tuple[Step, ...] = (*CANARY, (Patch(percent=None), Expect("v2*:100", "v2", "v1")))
HELD = Loads.WHEN_TOLD

ROWS: tuple[Row, ...] = (
    Row(
        "1",
        "create v1",
        (
            (Patch("m1", loads=HELD), Expect("", "-", "-", "Unknown")),
            (Loaded("m1"), Expect("v1*:100", "v1", "-")),
        ),
    ),
    Row(
        "2 and 3",
        "a canary gets its share only once it is ready",
        (
            *LIVE,
            (Patch("m2", 10, HELD), Expect("v1*:10 v1:90", "v1", "-", "Unknown")),
            (Loaded("m2"), Expect("v2*:10 v1:90", "v1", "-")),
        ),
    ),
    Row(
        "4",
        "a greater share",
        (*CANARY, (Patch(percent=50), Expect("v2*:50 v1:50", "v1", "-"))),
    ),
    Row("5", "promoted by removing the percent", PROMOTED),
    Row(
        "5b",
        "promoted by 100 percent",
        (*CANARY, (Patch(percent=100), Expect("v2*:100", "v2", "v1"))),
    ),
    Row(
        "6",
        "the next canary after a promotion",
        (
            *PROMOTED,
            (Patch("m3", 10, HELD), Expect("v2*:10 v2:90", "v2", "v1", "Unknown")),
            (Loaded("m3"), Expect("v3*:10 v2:90", "v2", "v1")),
        ),
    ),
    Row(
        "7 and 8",
        "rolled back in the middle, then the next canary",
        (
            *CANARY,
            (Patch(percent=0), Expect("v2*:0 v1:100", "v1", "-")),
            (Patch("m3", 10), Expect("v3*:10 v1:90", "v1", "-")),
        ),
    ),
    Row(
        "9",
        "rolled back after the promotion: one level, and removing the percent flips back",
        (
            *PROMOTED,
            (Patch(percent=0), Expect("v2*:0 v1:100", "v1", "v1")),
            (Patch(percent=None), Expect("v2*:100", "v2", "v1")),
        ),
    ),
    Row(
        "9b",
        "any percent below 100 alone is a rollback after the promotion",
        (*PROMOTED, (Patch(percent=60), Expect("v2*:60 v1:40", "v1", "v1"))),
    ),
    Row(
        "10",
        "a canary that never loads keeps Ready false until a good template comes",
        (
            *LIVE,
            (Patch("m2", 10, Loads.NEVER), Expect("v1*:10 v1:90", "v1", "-", "False")),
            (Patch(percent=0), Expect("v1*:0 v1:100", "v1", "-", "False")),
            (Patch(percent=None), Expect("v1*:100", "v1", "-", "False")),
            (Patch("m3", 10), Expect("v3*:10 v1:90", "v1", "-")),
        ),
    ),
    Row(
        "11",
        "another model in the middle of a canary",
        (
            *LIVE,
            (Patch("m2", 20), Expect("v2*:20 v1:80", "v1", "-")),
            (Patch("m3", loads=HELD), Expect("v2*:20 v1:80", "v1", "-", "Unknown")),
            (Loaded("m3"), Expect("v3*:20 v1:80", "v1", "-")),
        ),
    ),
    Row(
        "12",
        "the old manifest put back in the middle of a canary gives the canary everything",
        (
            *CANARY,
            (Patch("m1-again", None, HELD), Expect("v2*:100", "v2", "v1", "Unknown")),
            (Loaded("m1-again"), Expect("v3*:100", "v3", "v2")),
        ),
    ),
    Row(
        "13",
        "the percent first and the model second rolls back to a stale champion",
        (
            *PROMOTED,
            (Patch(percent=10), Expect("v2*:10 v1:90", "v1", "v1")),
            (Patch("m3"), Expect("v3*:10 v1:90", "v1", "v1")),
        ),
    ),
    Row(
        "14",
        "the model first and the percent second gives it everything in between",
        (
            *PROMOTED,
            (Patch("m3"), Expect("v3*:100", "v3", "v2")),
            (Patch(percent=10), Expect("v3*:10 v2:90", "v2", "v2")),
        ),
    ),
    Row(
        "15",
        "a percent that is there from the beginning",
        (
            (Patch("m1", 20), Expect("v1*:20 v1:80", "v1", "-")),
            (Patch("m2"), Expect("v2*:20 v1:80", "v1", "-")),
        ),
    ),
    Row(
        "16",
        "a percent left at 100 sends every change straight to everybody",
        (
            (Patch("m1", 100), Expect("v1*:100", "v1", "-")),
            (Patch("m2"), Expect("v2*:100", "v2", "v1")),
            (Patch("m3"), Expect("v3*:100", "v3", "v2")),
        ),
    ),
)


def seen_in(status: dict[str, Any]) -> Expect:
    """Return an InferenceService's status in the table's words."""
    found = status.get("components", {}).get("predictor", {})
    ready = [c["status"] for c in status.get("conditions", ()) if c["type"] == "Ready"]
    return Expect(
        traffic=" ".join(map(_entry, found.get("traffic", ()))),
        rolledout=_short(found.get("latestRolledoutRevision")),
        previous=_short(found.get("previousRolledoutRevision")),
        ready=ready[0] if ready else "",
    )


def _entry(target: dict[str, Any]) -> str:
    star = "*" if target["latestRevision"] else ""
    return f"{_short(target['revisionName'])}{star}:{target['percent']}"


def _short(revision: str | None) -> str:
    return f"v{int(revision[-5:])}" if revision else "-"
