"""What has changed in a window: counts in, findings with sentences out; no file, no clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from components.monitor import statistics
from serving.errors import UsageError
from serving.figures import figure
from serving.sketch import Grid, Reference

Verdict = Literal["steady", "drift", "too_few"]
Counts = Mapping[str, np.ndarray]

FEWEST_ROWS = 50
"""A window of fewer rows is not judged: its tests would see only catastrophes."""
LEAST: dict[str, float] = {
    "location": 0.1,
    "shape": 0.1,
    "words": 0.1,
    "missing": 0.02,
    "outside": 0.01,
}
"""Effects below are no finding, however sure: of a million rows every difference is significant."""
OUTPUT = "output"
TOLD = 3
"""Columns that the verdict's sentence names; the report has them all."""


@dataclass(frozen=True)
class Policy:
    """How sure a finding must be: the chance that any of a window's looks is a false alarm."""

    alpha: float = 0.05

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1:
            raise UsageError(f"alpha is {self.alpha:g}; give a chance between 0 and 1.")


@dataclass(frozen=True)
class Finding:
    """One test of one column, or of the output: its effect, its chance, what it means.

    `check`: location (Cliff's delta), shape (Kolmogorov and Smirnov's distance), words (Cramér's
    V), missing and outside (change of the share).
    """

    column: str
    check: str
    effect: float
    p: float
    sentence: str
    is_alarm: bool = False


@dataclass(frozen=True)
class Window:
    """What was counted between two moments: by column and of the output, int64 [cells]."""

    columns: Counts
    output: np.ndarray

    @property
    def rows(self) -> int:
        """The rows that were answered."""
        return int(self.output.sum())


@dataclass(frozen=True)
class Judgement:
    """The verdict on a window, every test, and the stability index of every column."""

    verdict: Verdict
    rows: int
    findings: tuple[Finding, ...] = ()
    psi: Mapping[str, float] | None = None

    @property
    def alarms(self) -> tuple[Finding, ...]:
        """The findings that are beyond chance and large enough to matter, the surest first."""
        found = [finding for finding in self.findings if finding.is_alarm]
        return tuple(sorted(found, key=lambda each: (each.p, -abs(each.effect))))

    @property
    def sentence(self) -> str:
        """What it comes to."""
        if self.verdict == "too_few":
            return f"{self.rows} rows are too few to judge; {FEWEST_ROWS} are needed."
        if self.verdict == "steady":
            return f"{self.rows:,} rows look like what the model learned from."
        first = {finding.column: finding for finding in reversed(self.alarms)}
        surest = sorted(first.values(), key=self.alarms.index)
        more = len(surest) - TOLD
        words = "1 more column differs" if more == 1 else f"{more} more columns differ"
        rest = f" {words}." if more > 0 else ""
        return " ".join(finding.sentence for finding in surest[:TOLD]) + rest


def judge(known: Reference, window: Window, policy: Policy, look: int = 1) -> Judgement:
    """Return what has changed against training, at the `look`-th look at this window."""
    if window.rows < FEWEST_ROWS:
        return Judgement("too_few", window.rows)
    tests = [*_tests(known, window)]
    sure = statistics.holm([test.p for test in tests], statistics.spent(policy.alpha, look))
    findings = tuple(
        replace(test, is_alarm=is_sure and abs(test.effect) >= LEAST[test.check])
        for test, is_sure in zip(tests, sure, strict=True)
    )
    verdict: Verdict = "drift" if any(each.is_alarm for each in findings) else "steady"
    return Judgement(verdict, window.rows, findings, _indices(known, window))


def _indices(known: Reference, window: Window) -> dict[str, float]:
    pairs = {name: (known.counts[name], now) for name, now in window.columns.items()}
    pairs |= {OUTPUT: (known.output_counts, window.output)}
    return {name: statistics.psi(then, now) for name, (then, now) in pairs.items()}


def _tests(known: Reference, window: Window) -> Iterator[Finding]:
    for name, now in window.columns.items():
        grid, then = known.grids[name], known.counts[name]
        if grid.edges:
            yield from _of_numbers(name, grid, then, now)
            yield _outside(name, grid, then, now, known.ranges[name])
        else:
            yield _of_words(name, grid, then, now)
        yield _missing(name, then, now)
    if known.output.edges:
        yield from _of_numbers(OUTPUT, known.output, known.output_counts, window.output)
    else:
        yield _of_words(OUTPUT, known.output, known.output_counts, window.output)


def _of_numbers(name: str, grid: Grid, then: np.ndarray, now: np.ndarray) -> Iterator[Finding]:
    then, now = then[:-1], now[:-1]
    told = f"{name}: median {_median(grid, then)} -> {_median(grid, now)}"
    delta, p = statistics.rank_sum(then, now)
    way = "above" if delta > 0 else "below"
    odds = f"of two rows the new one is {way} the old in {50 + 50 * abs(delta):.0f} %"
    yield Finding(name, "location", delta, p, f"{told} ({odds}).")
    distance, p = statistics.kolmogorov_smirnov(then, now)
    yield Finding(name, "shape", distance, p, f"{told} ({_widest(grid, then, now)}).")


def _median(grid: Grid, counts: np.ndarray) -> str:
    middle = statistics.quantile(grid.edges, counts, 0.5)
    if middle is not None:
        return figure(middle)
    if not counts.sum():
        return "none"
    low = int(counts[0]) * 2 >= int(counts.sum())
    return f"at most {figure(grid.edges[0])}" if low else f"above {figure(grid.edges[-1])}"


def _widest(grid: Grid, then: np.ndarray, now: np.ndarray) -> str:
    if not then.sum() or not now.sum():
        return "no numbers to compare"
    old, new = (each.cumsum() / each.sum() for each in (then, now))
    at = int(np.abs(old - new)[:-1].argmax())
    return f"{figure(grid.edges[at])} or less in {old[at]:.1%} of the rows -> {new[at]:.1%}"


def _of_words(name: str, grid: Grid, then: np.ndarray, now: np.ndarray) -> Finding:
    then, now = then[:-1], now[:-1]
    effect, p = statistics.chi_square(then, now)
    old, new = (each / max(int(each.sum()), 1) for each in (then, now))
    at = int(np.abs(old - new).argmax())
    word = repr(grid.words[at])[:80] if at < len(grid.words) else "other words"
    return Finding(
        name, "words", effect, p, f"{name}: {word} in {old[at]:.1%} of the rows -> {new[at]:.1%}."
    )


def _missing(name: str, then: np.ndarray, now: np.ndarray) -> Finding:
    rows = int(then.sum()), int(now.sum())
    hits = int(then[-1]), int(now[-1])
    change, p = statistics.share_test(hits, rows)
    old, new = (hit / max(of, 1) for hit, of in zip(hits, rows, strict=True))
    told = f"{name}: missing in {old:.1%} of the rows -> {new:.1%}."
    return Finding(name, "missing", change, p, told)


def _outside(
    name: str, grid: Grid, then: np.ndarray, now: np.ndarray, inside: tuple[int, int]
) -> Finding:
    first, last = inside
    rows = int(then[:-1].sum()), int(now[:-1].sum())
    beyond = rows[1] - int(now[first : last + 1].sum())
    change, p = statistics.share_test((0, beyond), rows)
    low = grid.edges[first] if first < len(grid.edges) else float("nan")
    high = grid.edges[last] if 0 <= last < len(grid.edges) else float("nan")
    within = f"{figure(low)} to {figure(high)}"
    told = f"{name}: outside of training's {within} in {change:.1%} of the rows."
    return Finding(name, "outside", change, p, told)
