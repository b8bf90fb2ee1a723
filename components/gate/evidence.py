"""What the test rows say: about the whole, and about every guarded part of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from components import parts
from components.gate import bootstrap
from components.gate.comparison import Finding, against_floor, compare
from components.gate.policy import ChampionPolicy, GatePolicy, SliceGuard
from components.metrics import METRICS
from components.nearest import instead
from components.paired import Paired
from components.parts import Column


@dataclass(frozen=True)
class Guarded:
    """A guarded part of the rows; `problem` is why nothing could be found out about it."""

    guard: SliceGuard
    value: str = ""
    measured: float | None = None
    finding: Finding | None = None
    problem: str | None = None
    passed: bool = False


@dataclass(frozen=True)
class Evidence:
    """What was found out about the candidate beside the champion, and in the guarded parts."""

    champion: Finding | None = None
    parts: tuple[Guarded, ...] = ()


NOTHING = Evidence()


@dataclass(frozen=True)
class Rows:
    """The test rows: both models' answers, and the cells where a part is guarded."""

    paired: Paired
    columns: Sequence[Column] = ()
    cells: Mapping[str, np.ndarray] | None = None


def gather(policy: GatePolicy, rows: Rows) -> Evidence:
    """Return what the rows say about everything that the policy asks; seeded."""
    asked = policy.champion
    champion = None
    if asked.metric in METRICS and rows.paired.champion is not None:
        rng = np.random.default_rng(asked.seed)
        champion = compare(asked.metric, rows.paired, asked.question(), rng)
    chosen = [(guard, *part) for guard in policy.slices for part in _parts(guard, rows)]
    counted = max(sum(mask is not None for _, _, mask in chosen), 1)
    found = tuple(
        _missed(guard, why) if mask is None else _found(guard, why, rows.paired.part(mask), one)
        for number, (guard, why, mask) in enumerate(chosen)
        for one in [_One(asked, counted, np.random.default_rng([asked.seed, number + 1]))]
    )
    return Evidence(champion, found)


@dataclass(frozen=True)
class _One:
    """How one of so many parts is asked."""

    policy: ChampionPolicy
    parts: int
    rng: np.random.Generator


def _parts(guard: SliceGuard, rows: Rows) -> Iterator[tuple[str, np.ndarray | None]]:
    """Yield value and mask of the parts that a guard is about, or why there are none."""
    known = {column.name: column for column in rows.columns}
    if guard.metric not in METRICS:
        yield f"there is no metric {guard.metric!r}; {instead(guard.metric, METRICS)}", None
    elif guard.column not in known:
        yield f"there is no column {guard.column!r}; {instead(guard.column, list(known))}", None
    elif guard.value is not None:
        cells = (rows.cells or {})[guard.column]
        mask = parts.where(known[guard.column], cells, guard.value)
        yield (guard.value, mask) if mask.any() else (f"no test row has {guard.value!r}", None)
    else:
        found = list(parts.parts([known[guard.column]], rows.cells or {}))
        yield from ((value, mask) for _, value, mask in found)
        if not found:
            yield f"no part of it has {parts.LEAST_ROWS} test rows", None


def _missed(guard: SliceGuard, why: str) -> Guarded:
    return Guarded(guard, problem=f"The slices of {guard.column!r} cannot be guarded: {why}.")


def _found(guard: SliceGuard, value: str, paired: Paired, one: _One) -> Guarded:
    measured = bootstrap.measured(guard.metric, paired.candidate)
    if guard.floor is not None:
        question = one.policy.question(one.parts, 0.0)
        finding = against_floor(guard.metric, paired, guard.floor, question, one.rng)
    elif paired.champion is None:
        why = f"{guard.column} = {value}: there is no champion whose {guard.metric} could drop."
        return Guarded(guard, value, measured, problem=why, passed=True)
    else:
        question = one.policy.question(one.parts, guard.max_drop)
        finding = compare(guard.metric, paired, question, one.rng)
    if finding is None:
        why = (
            f"{guard.column} = {value}: {guard.metric} cannot be told of these {paired.rows} rows."
        )
        return Guarded(guard, value, measured, problem=why)
    return Guarded(guard, value, measured, finding)
