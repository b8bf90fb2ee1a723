"""The windows of a service: one JSON file for each look, written once and never changed.

`<place>/<service>/<number, 8 digits>.json`; docs/how-it-works.md describes it for other programs.
What a predictor has counted since its start is kept with every look (`totals`, by instance): the
window of the next look begins where the last closed one ended, so no look needs a process that
remembers.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from components.monitor.rules import Judgement, Window
from serving import storage
from serving.errors import PlatformError
from serving.sketch import Reference

FORMAT = 1
MOST_SEARCHED = 100
"""Looks, among which the newest of a version is looked for."""
Totals = Mapping[str, Any]
"""`columns` (counts by cell) and `output`, as `GET /v2/models/{m}/sketch` has them."""


@dataclass(frozen=True)
class Look:
    """One look at a window.

    `opened_at`, `at`: ISO 8601, UTC; `look`: the how many-th at this window, from 1; `is_closed`:
    the next look begins a new window; `start`: what every instance had counted when it opened;
    `totals`: what they had now.
    """

    number: int
    service: str
    version: str
    opened_at: str
    at: str
    look: int
    is_closed: bool
    start: Mapping[str, Totals]
    totals: Mapping[str, Totals]
    judgement: Mapping[str, Any]

    def to_bytes(self) -> bytes:
        """Return the file's bytes."""
        text = json.dumps({"format": FORMAT, **asdict(self)}, ensure_ascii=False, allow_nan=False)
        return f"{text}\n".encode()

    @classmethod
    def from_bytes(cls, data: bytes, place: str) -> Look:
        """Return the look that `to_bytes` wrote; raise PlatformError where it is none."""
        try:
            value = json.loads(data)
            found = value.pop("format")
            if found != FORMAT:
                raise ValueError(f"format {found!r}, this program reads {FORMAT}")
            return cls(**value)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise PlatformError(
                f"{place} is no look at a window ({error}); move it away."
            ) from error


@dataclass(frozen=True)
class Opened:
    """The window that a look is at: since when, the how many-th look, what was counted before."""

    at: str
    look: int
    start: Mapping[str, Totals]


def born(totals: Mapping[str, Totals], now: datetime) -> str:
    """Return since when the instances count (`<host>/<seconds since 1970>`), ISO 8601, UTC."""
    oldest = min((moment for each in totals if (moment := _born(each)) > 0), default=math.inf)
    since = datetime.fromtimestamp(min(oldest, now.timestamp()), UTC)
    return since.isoformat(timespec="seconds")


def _born(instance: str) -> float:
    try:
        return float(instance.rpartition("/")[2])
    except ValueError:
        return 0.0


def opened(last: Look | None, version: str, since: str) -> Opened:
    """Return the window that goes on, or begins; another version begins another window.

    `since`: from when on those count who answer now.
    """
    if last is None or last.version != version:
        return Opened(since, 1, {})
    if last.is_closed:
        return Opened(last.at, 1, last.totals)
    return Opened(last.opened_at, last.look + 1, last.start)


def window(known: Reference, start: Mapping[str, Totals], totals: Mapping[str, Totals]) -> Window:
    """Return what was counted since; an instance that was not there then began with nothing."""
    columns = {
        name: _since(grid.size, start, totals, ("columns", name))
        for name, grid in known.grids.items()
    }
    return Window(columns, _since(known.output.size, start, totals, ("output",)))


def rows(start: Mapping[str, Totals], totals: Mapping[str, Totals]) -> int:
    """Return how many rows were answered since."""
    return sum(_rows(now) - _rows(start.get(instance)) for instance, now in totals.items())


def _rows(totals: Totals | None) -> int:
    return sum(totals["output"]) if totals else 0


def _since(
    size: int,
    start: Mapping[str, Totals],
    totals: Mapping[str, Totals],
    path: tuple[str, ...],
) -> np.ndarray:
    counts = np.zeros(size, np.int64)
    for instance, now in totals.items():
        counts += np.array(_at(now, path), np.int64)
        if instance in start:
            counts -= np.array(_at(start[instance], path), np.int64)
    return np.maximum(counts, 0)


def _at(totals: Totals, path: tuple[str, ...]) -> Any:
    value: Any = totals
    for part in path:
        value = value[part]
    return value


def plain(judgement: Judgement) -> dict[str, Any]:
    """Return a judgement as JSON: verdict, rows, sentence, stability indices, every test."""
    return {
        "verdict": judgement.verdict,
        "rows": judgement.rows,
        "sentence": judgement.sentence,
        "psi": dict(judgement.psi or {}),
        "findings": [asdict(finding) for finding in judgement.findings],
    }


@dataclass(frozen=True)
class Windows:
    """The looks at one service's windows, at a path or a gs:// or s3:// URI."""

    place: str

    def last(self, version: str = "") -> Look | None:
        """Return the newest look, or the newest at a version; None before the first.

        While a rollout splits the traffic two versions answer by turns, each with a window of its
        own: one that is not found again would begin anew, and its looks would not be counted.
        """
        newest = map(self.read, reversed(self.names()[-MOST_SEARCHED:]))
        return next((look for look in newest if version in ("", look.version)), None)

    def names(self) -> list[str]:
        """Return the files, the oldest first."""
        return [name for name in storage.names(self.place) if name.endswith(".json")]

    def read(self, name: str) -> Look:
        """Return one look."""
        place = storage.join(self.place, name)
        return Look.from_bytes(storage.read(place) or b"", place)

    def add(self, look: Look) -> bool:
        """Write a look; False where somebody else has written one of this number."""
        return storage.create(storage.join(self.place, f"{look.number:08d}.json"), look.to_bytes())

    def keep(self, most: int) -> None:
        """Let only so many of the newest looks be."""
        for name in self.names()[:-most]:
            storage.remove(storage.join(self.place, name))
