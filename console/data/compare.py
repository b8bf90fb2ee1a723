"""Runs side by side: what they were made of, what was measured, how they learned."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.metrics import LOWER_IS_BETTER
from console.data.run_query import MOST_COMPARED
from console.data.runs import Runs
from pipelines import differences, run_events
from pipelines.differences import Made
from pipelines.journal import RunFolder
from pipelines.run_row import Row
from serving.errors import KanaryaError, NotFound, UsageError
from serving.settings import Settings


@dataclass(frozen=True)
class Line:
    """One ingredient of all runs, e.g. config `model.kind`; None where a run has none."""

    part: str
    key: str
    values: tuple[str | None, ...]

    @property
    def differs(self) -> bool:
        """Say whether the runs do not agree."""
        return len(set(self.values)) > 1


@dataclass(frozen=True)
class Measure:
    """One metric of all runs; `best` says which have the best value, none where all are equal."""

    name: str
    values: tuple[float | None, ...]

    @property
    def best(self) -> frozenset[int]:
        """Return the places of the best values."""
        known = [value for value in self.values if value is not None and value == value]
        if len(set(known)) < 2:
            return frozenset()
        wanted = min(known) if self.name in LOWER_IS_BETTER else max(known)
        return frozenset(n for n, value in enumerate(self.values) if value == wanted)

    def difference(self, place: int) -> float | None:
        """Return by how much a run is above the first one."""
        first, other = self.values[0], self.values[place]
        return None if first is None or other is None else other - first


@dataclass(frozen=True)
class Curve:
    """One measure of one run over its epochs."""

    place: int
    measure: str
    points: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Compared:
    """Runs side by side, in the order in which they were asked for.

    `same_model[n]`: whether run n made the same bytes as the first; None where that is not known.
    `notes`: sentences on what of a run is not known.
    """

    rows: tuple[Row, ...]
    lines: tuple[Line, ...]
    measures: tuple[Measure, ...]
    curves: tuple[Curve, ...]
    same_model: tuple[bool | None, ...]
    notes: tuple[str, ...] = ()


def wanted(text: str) -> list[str]:
    """Return the run ids of an address, `a,b`. Raises UsageError for too few or too many."""
    found = list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not 2 <= len(found) <= MOST_COMPARED:
        raise UsageError(f"compare 2 to {MOST_COMPARED} runs: {len(found)} are named")
    return found


def compare(settings: Settings, runs: Runs, run_ids: Sequence[str]) -> Compared:
    """Return runs side by side. Raises NotFound for one that there is not."""
    rows = [_row(runs, run_id) for run_id in run_ids]
    folders = [settings.home / "runs" / row.run_id for row in rows]
    made, notes = _all_made(folders)
    metrics = [
        row.metrics or (each.metrics if each else {}) for row, each in zip(rows, made, strict=True)
    ]
    return Compared(
        rows=tuple(rows),
        lines=tuple(_lines([differences.ingredients(each) if each else {} for each in made])),
        measures=tuple(_measures(metrics)),
        curves=tuple(curve for n, folder in enumerate(folders) for curve in _curves(n, folder)),
        same_model=tuple(_same(made[0], each) for each in made),
        notes=tuple(notes),
    )


def _row(runs: Runs, run_id: str) -> Row:
    row = runs.row(run_id)
    if row is None:
        raise NotFound(f"there is no run {run_id!r}; the table of runs shows those there are")
    return row


def _all_made(folders: Iterable[Path]) -> tuple[list[Made | None], list[str]]:
    made: list[Made | None] = []
    notes: list[str] = []
    for folder in folders:
        try:
            made.append(differences.read(folder))
        except (KanaryaError, OSError, ValueError, KeyError) as error:
            made.append(None)
            notes.append(str(error))
    return made, notes


def _lines(made: Sequence[Mapping[str, Mapping[str, Any]]]) -> Iterable[Line]:
    places = dict.fromkeys((p, key) for each in made for p, part in each.items() for key in part)
    for part, key in sorted(places, key=lambda place: differences.PARTS.index(place[0])):
        yield Line(part, key, tuple(_said(each.get(part, {}).get(key)) for each in made))


def _measures(metrics: Sequence[Mapping[str, float]]) -> Iterable[Measure]:
    for name in dict.fromkeys(name for each in metrics for name in each):
        yield Measure(name, tuple(each.get(name) for each in metrics))


def _curves(place: int, folder: Path) -> Iterable[Curve]:
    told: dict[str, list[tuple[int, float]]] = {}
    for measured in run_events.curve(RunFolder(folder)):
        for name, value in measured.values.items():
            told.setdefault(name, []).append((measured.epoch, value))
    return [Curve(place, name, tuple(points)) for name, points in told.items()]


def _same(first: Made | None, other: Made | None) -> bool | None:
    if first is None or other is None or not (first.model_sha256 and other.model_sha256):
        return None
    return first.model_sha256 == other.model_sha256


def _said(value: Any) -> str | None:
    if value is None or value == "":
        return None
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
