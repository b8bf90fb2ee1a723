"""What trials show: their scores, which of them goes on, and which is the best."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import fmean, stdev
from typing import Any

from components.metrics import LOWER_IS_BETTER
from components.usage import Series
from serving.errors import UsageError
from serving.figures import figure

ETA = 3
"""Of a rung the best third goes on, to three times the rows (Jamieson and Talwalkar 2016)."""
LEAST_ROWS = 30
"""No rung trains on fewer."""


@dataclass(frozen=True)
class Trial:
    """One combination and what it showed; numbers count from 1.

    `scores` has the metric of each fold, `rows` is how many each of them was trained on, `error`
    says why the combination could not be trained, `seconds` adds up its folds.
    """

    number: int
    hyperparameters: Mapping[str, Any]
    scores: tuple[float, ...] = ()
    rows: int = 0
    seconds: float = 0.0
    error: str = ""

    @property
    def score(self) -> float | None:
        """The mean over the folds; None of a trial that failed."""
        return fmean(self.scores) if self.scores and not self.error else None

    @property
    def spread(self) -> float:
        """The standard deviation over the folds."""
        return stdev(self.scores) if len(self.scores) > 1 else 0.0


@dataclass(frozen=True)
class Search:
    """What is searched: everything that a pod needs to measure its trials.

    `fixed` are the hyperparameters that are not searched, `usage` is what each pod used to measure
    its trials.
    """

    task: str
    kind: str
    method: str
    metric: str
    cv: int
    random_state: int
    fixed: Mapping[str, Any]
    trials: tuple[Trial, ...]
    usage: tuple[Series, ...] = ()

    def to_json(self) -> str:
        """Return it as a parameter of a step, which is an argument of 128 kB at most: shortly."""
        given = asdict(self)
        return json.dumps(given, ensure_ascii=False, allow_nan=False, separators=(",", ":"))

    def with_trials(self, trials: Iterable[Trial]) -> Search:
        """Return the same search with these trials."""
        return replace(self, trials=tuple(trials))

    @property
    def best_first(self) -> list[Trial]:
        """The trials that gave a score: those on the most rows first, then the best."""
        return ranked(self.trials, self.metric)


def from_json(text: str) -> Search:
    """Return what `Search.to_json` wrote."""
    given = json.loads(text)
    trials = [Trial(**{**each, "scores": tuple(each["scores"])}) for each in given["trials"]]
    return Search(**{**given, "trials": tuple(trials), "usage": tuple(given.get("usage", ()))})


def shards(search: Search, pods: int) -> list[Search]:
    """Return the search in as many parts as pods measure it, each with every nth trial.

    Halving compares all trials after every rung, so one pod measures them.
    """
    count = 1 if search.method == "halving" else min(pods, len(search.trials))
    return [search.with_trials(search.trials[start::count]) for start in range(count)]


def together(parts: Sequence[Search]) -> Search:
    """Return the parts as one search, its trials in their order."""
    trials = sorted((t for part in parts for t in part.trials), key=lambda trial: trial.number)
    usage = tuple(each for part in parts for each in part.usage)
    return replace(parts[0].with_trials(trials), usage=usage)


def ranked(trials: Iterable[Trial], metric: str) -> list[Trial]:
    """Return those that gave a score, the best first; of equal ones the earlier."""
    sign = 1 if metric in LOWER_IS_BETTER else -1
    scored = [(trial, score) for trial in trials if (score := trial.score) is not None]
    return [t for t, s in sorted(scored, key=lambda ts: (-ts[0].rows, sign * ts[1], ts[0].number))]


def best(search: Search) -> Trial:
    """Return the best trial; raise `UsageError` where none could be trained."""
    if found := search.best_first:
        return found[0]
    first = search.trials[0]
    raise UsageError(
        f"None of the {len(search.trials)} trials could be trained; the first: {first.error}"
    )


def rungs(search: Search, rows: int) -> list[float]:
    """Return the share of the training rows of each rung, the last of them all."""
    if search.method != "halving":
        return [1.0]
    count = 1
    while ETA**count <= len(search.trials) and rows / ETA**count >= LEAST_ROWS:
        count += 1
    return [ETA**-place for place in reversed(range(count))]


def going_on(trials: Sequence[Trial], metric: str) -> set[int]:
    """Return the numbers of the best third of a rung, one at least where any gave a score."""
    found = ranked(trials, metric)
    return {trial.number for trial in found[: max(1, -(-len(trials) // ETA))]}


def told(search: Search, trial: Trial) -> str:
    """Return what a trial showed, in one line."""
    shown = ", ".join(f"{name} {short(value)}" for name, value in trial.hyperparameters.items())
    if trial.score is None:
        return f"trial {trial.number} ({shown}) failed: {trial.error}"
    score = f"{search.metric} {figure(trial.score)} ± {trial.spread:.2g}"
    return f"trial {trial.number} ({shown}): {score}"


def short(value: object) -> str:
    """Return a value as a person writes it."""
    if isinstance(value, str):
        return value
    return f"{value:.6g}" if isinstance(value, float) else json.dumps(value)


def verdict(search: Search) -> str:
    """Return the choice in one sentence, for whoever reads the model's report."""
    chosen = best(search)
    failed = sum(bool(trial.error) for trial in search.trials)
    without = f", {failed} of them failed" if failed else ""
    return (
        f"Tuned by {search.method} over {len(search.trials)} trials{without}, "
        f"{search.cv}-fold on the training rows: {told(search, chosen)}."
    )
