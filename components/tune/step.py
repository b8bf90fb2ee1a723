"""Tune with files: draw the trials, measure them, choose.

trials.csv    a row for each trial: its hyperparameters, score, spread, rows, seconds, error
trials.json   `rules.Search`
parallel.svg  the trials as lines through their hyperparameters
tuning.html   all of it for reading
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from components import cores, nulls, telling, usage
from components.tune import asked, measuring, report, rules, space
from components.tune.measuring import Given, Job, Measured, Unit
from components.tune.rules import Search, Trial
from components.usage import Usage
from serving.errors import UsageError
from serving.storage import partial

TABLE, TRIALS, DRAWING, PAGE = "trials.csv", "trials.json", "parallel.svg", "tuning.html"


class Tracker(Protocol):
    """What choosing needs of `components.tracked_trials`."""

    def log_trials(self, name: str, run_key: str, search: Search, directory: Path) -> None:
        """Record a run for each trial below the run of this pipeline run."""


def read_space(text: str) -> Any:
    """Return a space from JSON; raise `UsageError` where it is none."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise UsageError(f"tune_space is not valid JSON ({error}); correct it.") from error


def plan(
    wanted: Mapping[str, Any], task: str, kind: str, fixed: Mapping[str, Any], random_state: int
) -> list[str]:
    """Return the trials of a search (`asked.Tune`), as `Search` in JSON for each pod.

    Raises `UsageError` for a space that the kind does not have.
    """
    tune = asked.parsed(wanted)
    asked.check(tune, task, kind)
    drawn = space.drawn(tune, task, kind, random_state)
    search = Search(
        task=task,
        kind=kind,
        method=tune.method,
        metric=asked.metric(tune, task),
        cv=tune.cv,
        random_state=random_state,
        fixed={
            name: asked.typed(task, kind, name, value)
            for name, value in nulls.received(fixed).items()
            if name not in tune.space
        },
        trials=tuple(Trial(number, each) for number, each in enumerate(drawn, 1)),
    )
    return [shard.to_json() for shard in rules.shards(search, tune.pods)]


def measure(table: Path, shard: str) -> str:
    """Return a part of the search with what its trials showed on the training part."""
    used, search = Usage(), rules.from_json(shard)
    job = Job(table, search.task, search.kind, search.metric, search.cv, search.random_state)
    given = measuring.given(job)
    for share in rules.rungs(search, len(given.folds[0][0])):
        search = _rung(given, search, share, used)
    used.look(last=True)
    usage.keep_looks(used.samples)
    usage.keep(used)
    return replace(search, usage=(usage.series(used.samples),)).to_json()


def _rung(given: Given, search: Search, share: float, used: Usage) -> Search:
    """Measure those that go on: at first all, then the best third of those before."""
    tried = [trial for trial in search.trials if trial.rows or trial.error]
    most = max((trial.rows for trial in tried), default=0)
    before = [trial for trial in tried if trial.rows == most and not trial.error]
    going = rules.going_on(before, search.metric) if tried else {t.number for t in search.trials}
    trials = [trial for trial in search.trials if trial.number in going]
    new = {trial.number: trial for trial in _measured(given, search, trials, share, used)}
    return search.with_trials(new.get(trial.number, trial) for trial in search.trials)


def _measured(
    given: Given, search: Search, trials: Sequence[Trial], share: float, used: Usage
) -> list[Trial]:
    units = [
        Unit(trial.number, {**search.fixed, **trial.hyperparameters}, fold, share)
        for trial in trials
        for fold in range(search.cv)
    ]
    found: dict[int, dict[int, Measured]] = {trial.number: {} for trial in trials}
    known = {trial.number: trial for trial in trials}
    done = []
    for unit, result in measuring.measured(given, units, cores.available()):
        used.look()  # between two results: a thread would be there when processes are forked
        found[unit.trial][unit.fold] = result
        if len(found[unit.trial]) == search.cv:
            done.append(_with(known[unit.trial], found[unit.trial]))
            telling.note(f"{len(done)} of {len(trials)}: {rules.told(search, done[-1])}")
    return done


def _with(trial: Trial, found: Mapping[int, Measured]) -> Trial:
    folds = [found[place] for place in sorted(found)]
    errors = [fold.error for fold in folds if fold.error]
    # Six digits say it all, and leave room for those of 256 trials in 20 folds.
    scores = (float(f"{fold.score:.6g}") for fold in folds if fold.score is not None)
    return replace(
        trial,
        scores=() if errors else tuple(scores),
        rows=max(fold.rows for fold in folds),
        seconds=round(trial.seconds + sum(fold.seconds for fold in folds), 3),
        error=errors[0] if errors else "",
    )


def choose(
    measured: Sequence[str], name: str, run_key: str, directory: Path, tracker: Tracker
) -> str:
    """Write the results, record them, and return what `untuned` does, of the best trial.

    Raises `UsageError` where no trial could be trained; they are recorded all the same.
    """
    search = rules.together([rules.from_json(each) for each in measured])
    with partial(directory) as unfinished:
        unfinished.mkdir()
        _write(unfinished, search)
    tracker.log_trials(name, run_key, search, directory)
    chosen = rules.best(search)
    sentence = rules.verdict(search)
    telling.note(sentence)
    return _chosen({**search.fixed, **chosen.hyperparameters}, sentence)


def untuned(hyperparameters: Mapping[str, Any]) -> str:
    """Return what training takes, `{hyperparameters, notes}` in JSON, of those that were sent."""
    return _chosen(nulls.received(hyperparameters))


def _chosen(hyperparameters: Mapping[str, Any], *notes: str) -> str:
    return json.dumps({"hyperparameters": dict(hyperparameters), "notes": notes})


def _write(directory: Path, search: Search) -> None:
    drawing = report.drawing(search)
    for name, text in (
        (TABLE, report.table(search)),
        (TRIALS, search.to_json() + "\n"),
        (DRAWING, drawing),
        (PAGE, report.page(search, drawing)),
    ):
        (directory / name).write_text(text, encoding="utf-8")
