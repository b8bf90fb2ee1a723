"""`make bench-drift`: how often monitoring cries wolf, and how soon it sees what has changed.

The rows of a data set stand for a population: training and traffic are drawn from it, with
replacement, so that both are as independent as the tests think. The output is the target itself, as
a model without fault would give it. Every window is looked at after 100 and after 1,000 requests
of one row, by the code that serves and judges. Seeded, the same everywhere.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from components import rows
from components.baseline import baseline, number_baseline
from components.ingest import step as ingest
from components.ingest.rules import Request
from components.monitor import statistics
from components.monitor.rules import Policy, Window, judge
from pipelines.spec import load
from scripts.bench.measuring import report
from serving.intervals import wilson
from serving.predictor.sketches import Sketches
from serving.signature import Column, encode
from serving.sketch import Grid, Reference, reference

SPECS = Path(__file__).resolve().parents[2] / "pipelines" / "specs"
SHARED = SPECS.parents[2] / "shared" / "data"
"""Where data lies that is too large to come with its spec."""
NAMES = ("iris", "penguins", "titanic", "digits", "diamonds")
NONE, SHIFT, UNIT, SWAP = "no change", "0.5 σ in one column", "another unit", "two columns swapped"
LOOKS = (100, 1_000)
TRAIN_SHARE = 0.75
ROUNDS = 300
APART = 0.5
"""Columns are swapped whose values tell them apart: half of the rows of one are beyond the other's;
no test of single columns sees that two were swapped that are distributed alike."""
UNITS = (2.54, 1_000.0, 1 / 2.54, 1 / 1_000.0)

Cells = dict[str, np.ndarray]
Change = Callable[[np.random.Generator, Cells], Cells]


@dataclass(frozen=True)
class Population:
    """All rows of a data set: encoded cells [n] by column, and the output as numbers or places."""

    name: str
    columns: tuple[Column, ...]
    cells: Cells
    output: np.ndarray
    labels: tuple[str, ...]

    @property
    def numbers(self) -> list[str]:
        """The columns of numbers that vary; of a truth the server takes no other unit."""
        return [
            column.name
            for column in self.columns
            if column.kind in ("number", "integer") and np.nanstd(self.cells[column.name]) > 0
        ]

    @property
    def measured(self) -> list[str]:
        """The columns of numbers most of whose rows another unit changes: 0 is 0 in every unit."""
        return [name for name in self.numbers if np.mean(self.cells[name] != 0) > 0.5]

    def drawn(self, rng: np.random.Generator, rows: int) -> tuple[Cells, np.ndarray]:
        """Return independent rows."""
        at = rng.integers(len(self.output), size=rows)
        return {name: cells[at] for name, cells in self.cells.items()}, self.output[at]

    def trained(self, rng: np.random.Generator) -> Reference:
        """Return what a training part of independent rows is described by."""
        cells, output = self.drawn(rng, int(len(self.output) * TRAIN_SHARE))
        if self.labels:
            found = reference(baseline(self.columns, cells, output, self.labels))
        else:
            found = reference(number_baseline(self.columns, cells, output))
        assert found is not None
        return found

    def window(self, known: Reference, cells: Cells, output: np.ndarray) -> Window:
        """Return rows as a predictor counts them."""
        sketches = Sketches(self.columns, known)
        names = [column.name for column in self.columns if column.kind != "text"]
        numbers = np.column_stack([cells[name] for name in names])
        texts = tuple(cells[c.name][:, None] for c in self.columns if c.kind == "text")
        outputs = np.eye(len(self.labels))[output] if self.labels else output[:, None]
        sketches.add(numbers, [texts], outputs)
        return Window(sketches.columns, sketches.output)


def population(name: str) -> Population:
    """Return an example data set as its spec reads it."""
    spec: Any = load(SPECS / f"{name}.yaml")
    with tempfile.TemporaryDirectory() as scratch:
        table = Path(scratch) / "table"
        asked = Request(spec.data.target, tuple(spec.data.drop), spec.task)
        beside = Path(spec.data.uri)
        ingest.run(str(beside if beside.exists() else SHARED / beside.name), asked, table)
        found = rows.read(table)
    inputs = found.schema.inputs
    columns = tuple(Column(each.name, each.kind) for each in inputs)
    cells = {key: each[:, 0] for key, each in encode(columns, found.cells).items()}
    if found.schema.is_quantity:
        return Population(name, columns, cells, found.labels, ())
    labels, output = np.unique(found.labels, return_inverse=True)
    return Population(name, columns, cells, output, tuple(map(str, labels)))


def unchanged(rng: np.random.Generator, cells: Cells) -> Cells:
    """Return the rows as they are."""
    return cells


def shifted(whole: Population) -> Change:
    """Return what adds half a standard deviation to one column of numbers."""

    def change(rng: np.random.Generator, cells: Cells) -> Cells:
        name = str(rng.choice(whole.numbers))
        return {**cells, name: cells[name] + 0.5 * np.nanstd(whole.cells[name])}

    return change


def in_another_unit(whole: Population) -> Change:
    """Return what multiplies one column of numbers."""

    def change(rng: np.random.Generator, cells: Cells) -> Cells:
        name = str(rng.choice(whole.measured))
        return {**cells, name: cells[name] * rng.choice(UNITS)}

    return change


def swapped(whole: Population) -> Change:
    """Return what gives two columns, which can be told apart, each other's values."""
    pairs = [*_pairs(whole)]

    def change(rng: np.random.Generator, cells: Cells) -> Cells:
        one, other = pairs[rng.integers(len(pairs))]
        return {**cells, one: cells[other], other: cells[one]}

    return change


def _pairs(whole: Population) -> Iterator[tuple[str, str]]:

    names = whole.numbers
    for place, one in enumerate(names):
        for other in names[place + 1 :]:
            if _distance(whole.cells[one], whole.cells[other]) >= APART:
                yield one, other


def _distance(one: np.ndarray, other: np.ndarray) -> float:
    """Return Kolmogorov and Smirnov's distance of two columns."""
    grid = Grid(edges=tuple(np.unique(np.r_[one, other][~np.isnan(np.r_[one, other])]).tolist()))
    return statistics.kolmogorov_smirnov(grid.count(one)[:-1], grid.count(other)[:-1])[0]


@dataclass(frozen=True)
class Seen:
    """In which share of the rounds a window alarmed, by the rows at which it was looked at."""

    name: str
    change: str
    rounds: int
    alarms: Mapping[int, int]

    def share(self, rows: int) -> float:
        """Return the share of windows that alarmed at this look or before."""
        return self.alarms[rows] / self.rounds

    def line(self) -> str:
        """Return it as a line of a table."""
        shares = "  ".join(f"{self.share(rows):8.1%}" for rows in LOOKS)
        low, high = wilson(self.alarms[LOOKS[-1]], self.rounds)
        return f"  {self.name:<10} {self.change:<22} {shares}  ({low:.1%} to {high:.1%})"


def play(whole: Population, name: str, change: Change, rounds: int) -> Seen:
    """Return how often windows of changed traffic alarm; every round trains anew."""
    rng = np.random.default_rng([20, *name.encode()])
    alarms = dict.fromkeys(LOOKS, 0)
    for _ in range(rounds):
        known = whole.trained(rng)
        cells, output = whole.drawn(rng, LOOKS[-1])
        cells, found = change(rng, cells), False
        for look, upto in enumerate(LOOKS, start=1):
            part = {key: each[:upto] for key, each in cells.items()}
            window = whole.window(known, part, output[:upto])
            found = found or judge(known, window, Policy(), look).verdict == "drift"
            alarms[upto] += found
    return Seen(whole.name, name, rounds, alarms)


def main() -> None:
    """Simulate, print, and end with one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="windows of each kind")
    parser.add_argument("--only", action="append", choices=NAMES, help="a data set; again for more")
    given = parser.parse_args()
    found = [seen for name in given.only or NAMES for seen in of_data_set(name, given.rounds)]
    publish(found)


def of_data_set(name: str, rounds: int) -> Iterator[Seen]:
    """Yield what is seen of every change to a data set's traffic."""
    whole = population(name)
    changes = {
        NONE: unchanged,
        SHIFT: shifted(whole),
        UNIT: in_another_unit(whole),
        SWAP: swapped(whole),
    }
    for change, made in changes.items():
        seen = play(whole, change, made, rounds)
        print(seen.line(), flush=True)
        yield seen


def publish(found: list[Seen]) -> None:
    """Print the line that other programs read."""
    seen = {(each.name, each.change): each for each in found}
    names = sorted({each.name for each in found})
    worst = {
        "false_alarms": max(seen[n, NONE].share(LOOKS[-1]) for n in names),
        "shift_seen_within_1000": min(seen[n, SHIFT].share(LOOKS[-1]) for n in names),
        "unit_seen_within_100": min(seen[n, UNIT].share(LOOKS[0]) for n in names),
        "swap_seen_within_100": min(seen[n, SWAP].share(LOOKS[0]) for n in names),
    }
    tables = {
        "by_data_set": {
            name: {
                change: [round(seen[name, change].share(rows), 4) for rows in LOOKS]
                for change in (NONE, SHIFT, UNIT, SWAP)
            }
            for name in names
        }
    }
    ratios = {"allowed/false_alarms": 0.05 / max(worst["false_alarms"], 1e-9)}
    figures = {"rounds": found[0].rounds, "alpha": Policy().alpha, "looks": [*LOOKS]}
    report("drift", ratios, {**figures, **worst, **tables})


if __name__ == "__main__":
    main()
