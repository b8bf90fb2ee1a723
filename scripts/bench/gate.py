"""`make bench-gate`: how often chance deceives the gate, and how many rows a verdict takes.

Simulated pairs of models, the gate's own code: pairs that are equally good must seldom be taken for
better, pairs that are worse by the margin seldom for non-inferior. Seeded, the same everywhere.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from components.gate.comparison import Outcome, Question, by_discordance, compare, rows_needed
from components.number_scores import Estimates
from components.paired import Paired
from components.scores import Answers
from scripts.bench.measuring import report
from serving.intervals import wilson

ALPHA, POWER = 0.05, 0.8
GATES, PAIRS = 100_000, 1_000
POPULATION = 1_000_000
"""Rows from which the true difference of two models is taken."""
ROWS = (30, 300)
COUNTED = ((30, 0.2), (200, 0.1), (2_000, 0.05), (10_000, 0.02))
"""Test rows, and the share of them on which two models differ."""
DISCORDANCES = (0.02, 0.05, 0.1, 0.2)
MARGINS = (0.005, 0.01, 0.02, 0.05)
SHARED = 0.5
"""Part of what two models do not know that neither knows."""


@dataclass(frozen=True)
class Rate:
    """How often something that should not happen did, in how many gates."""

    name: str
    hits: int
    gates: int

    @property
    def share(self) -> float:
        """The share."""
        return self.hits / self.gates

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the share."""
        return wilson(self.hits, self.gates)

    def line(self) -> str:
        """Return the rate as a line of a table."""
        low, high = self.interval
        return f"  {self.name:48} {self.share:7.2%}  ({low:.2%} to {high:.2%})"


def outcomes(
    rng: np.random.Generator, rows: int, chances: tuple[float, float], asked: Question, gates: int
) -> Iterator[tuple[Outcome, int]]:
    """Yield each verdict on accuracy and how often it came; `chances` of a row gained and lost."""
    gain, loss = chances
    drawn = rng.multinomial(rows, [gain, loss, 1 - gain - loss], size=gates)[:, :2]
    for (gained, lost), times in zip(*np.unique(drawn, axis=0, return_counts=True), strict=True):
        yield by_discordance(int(gained), int(lost), rows, asked).outcome, int(times)


def _count(
    found: Iterator[tuple[Outcome, int]], wanted: tuple[Outcome, ...], name: str, gates: int
) -> Rate:
    return Rate(name, sum(times for outcome, times in found if outcome in wanted), gates)


PASSING = (Outcome.BETTER, Outcome.NON_INFERIOR)


def of_accuracy(gates: int) -> Iterator[tuple[Rate, Rate]]:
    """Yield, for each size, equal pairs taken for better and worse ones for non-inferior."""
    rng = np.random.default_rng(5)
    for rows, differ in COUNTED:
        margin = differ / 2
        asked = Question(margin, ALPHA, POWER)
        name = f"accuracy, {rows} rows, differ on {differ:.0%}"
        equal = outcomes(rng, rows, (differ / 2, differ / 2), asked, gates)
        worse = outcomes(rng, rows, (differ / 4, differ * 3 / 4), asked, gates)
        yield (
            _count(equal, (Outcome.BETTER,), name, gates),
            _count(worse, PASSING, f"{name}, margin {margin:g}", gates),
        )


World = Callable[[np.random.Generator, int, float], Paired]


def classes(rng: np.random.Generator, rows: int, skill: float) -> Paired:
    """Return two models of two classes; the champion's skill is 1."""
    truth = (np.arange(rows) % 2).astype(int)
    common = np.sqrt(SHARED) * rng.normal(size=rows)
    return Paired(*(_classes(rng, truth, common, each) for each in (skill, 1.0)))


def _classes(
    rng: np.random.Generator, truth: np.ndarray, common: np.ndarray, skill: float
) -> Answers:
    own = np.sqrt(1 - SHARED) * rng.normal(size=len(truth))
    positive = 1 / (1 + np.exp(-2 * (skill * (2 * truth - 1) + common + own)))
    shares = np.column_stack([1 - positive, positive])
    return Answers((0, 1), truth, shares.argmax(axis=1), shares)


def numbers(rng: np.random.Generator, rows: int, skill: float) -> Paired:
    """Return two models of a number; the champion's skill is 1."""
    truth = rng.random(rows)
    common = np.sqrt(SHARED) * rng.normal(size=rows)
    errors = [
        (common + np.sqrt(1 - SHARED) * rng.normal(size=rows)) / each for each in (skill, 1.0)
    ]
    return Paired(*(Estimates(truth, truth + each) for each in errors))


WORLDS: dict[str, World] = {
    "f1_macro": classes,
    "roc_auc": classes,
    "log_loss": classes,
    "rmse": numbers,
    "mae": numbers,
}
WORSE_SKILL = 0.8


def true_margin(metric: str, world: World) -> float:
    """Return by how much the worse model is truly worse."""
    from components.gate.bootstrap import measured

    pair = world(np.random.default_rng(1), POPULATION, WORSE_SKILL)
    mine, theirs = (measured(metric, each) for each in (pair.candidate, pair.champion) if each)
    return abs((mine or 0.0) - (theirs or 0.0))


def of_metric(metric: str, rows: int, pairs: int) -> tuple[Rate, Rate]:
    """Return equal pairs taken for better, and worse ones taken for non-inferior."""
    world, margin = WORLDS[metric], true_margin(metric, WORLDS[metric])
    asked, rng = Question(margin, ALPHA, POWER), np.random.default_rng(rows)
    wanted = {1.0: (Outcome.BETTER,), WORSE_SKILL: PASSING}
    hits = dict.fromkeys(wanted, 0)
    for skill, outcomes_of in wanted.items():
        for _ in range(pairs):
            found = compare(metric, world(rng, rows, skill), asked, rng)
            hits[skill] += found is not None and found.outcome in outcomes_of
    name = f"{metric}, {rows} rows"
    worse = Rate(f"{name}, margin {margin:.3g}", hits[WORSE_SKILL], pairs)
    return Rate(name, hits[1.0], pairs), worse


@dataclass(frozen=True)
class Need:
    """How many rows non-inferiority takes, and how often they were enough."""

    differ: float
    margin: float
    rows: int
    power: Rate


def needs(gates: int) -> Iterator[Need]:
    """Yield the rows that two equally good models need, and the power that they have then."""
    rng = np.random.default_rng(9)
    for differ in DISCORDANCES:
        for margin in MARGINS:
            asked = Question(margin, ALPHA, POWER)
            rows = rows_needed(differ, margin, asked) or 0
            found = outcomes(rng, rows, (differ / 2, differ / 2), asked, gates)
            yield Need(differ, margin, rows, _count(found, PASSING, "", gates))


def show(equal: list[Rate], worse: list[Rate], power: list[Need]) -> None:
    """Print the rates and the table of rows."""
    print(f"equally good models that a superiority gate takes for better (alpha {ALPHA:.0%})")
    print("\n".join(rate.line() for rate in equal))
    print(f"models worse by the margin that pass as non-inferior (alpha {ALPHA:.0%})")
    print("\n".join(rate.line() for rate in worse))
    print(f"rows for non-inferiority of accuracy at {POWER:.0%} power (measured power)")
    print("  differ on", *(f"margin {margin:<13g}" for margin in MARGINS))
    for differ in DISCORDANCES:
        cells = (f"{n.rows:>7,} ({n.power.share:.1%})" for n in power if n.differ == differ)
        print(f"  {differ:>9.0%}", *(f"{cell:20}" for cell in cells))


def main() -> None:
    """Simulate, print, and end with one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gates", type=int, default=GATES, help="on accuracy, of each kind")
    parser.add_argument("--pairs", type=int, default=PAIRS, help="of other metrics, of each kind")
    given = parser.parse_args()
    rates = [*of_accuracy(given.gates)]
    rates += [of_metric(metric, rows, given.pairs) for metric in WORLDS for rows in ROWS]
    equal, worse = ([pair[side] for pair in rates] for side in (0, 1))
    power = list(needs(given.gates // 10))
    show(equal, worse, power)
    figures = {
        "alpha": ALPHA,
        "power": POWER,
        "equal_taken_for_better": {rate.name: [rate.share, *rate.interval] for rate in equal},
        "worse_taken_for_non_inferior": {rate.name: [rate.share, *rate.interval] for rate in worse},
        "rows_needed": [
            {"differ": n.differ, "margin": n.margin, "rows": n.rows, "power": n.power.share}
            for n in power
        ],
    }
    ratios = {
        "alpha/equal_taken_for_better": ALPHA / max(rate.share for rate in equal),
        "alpha/worse_taken_for_non_inferior": ALPHA / max(rate.share for rate in worse),
    }
    report("gate", ratios, figures)


if __name__ == "__main__":
    main()
