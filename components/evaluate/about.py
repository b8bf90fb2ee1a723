"""What the evaluations of classes and of numbers say alike: tables and pictures of a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from components import plots
from components.evaluate.importance import Importance
from components.evaluate.slices import Slice
from components.evaluation import ChampionScores, Evaluation
from components.metrics import LOWER_IS_BETTER, METRICS
from components.report import Picture, Table
from components.trained import Training

SHOWN_COLUMNS = 8
SHOWN_IMPORTANCES = 20


@dataclass(frozen=True)
class Beside:
    """What was found out beside the scores."""

    importances: tuple[Importance, ...]
    slices: tuple[Slice, ...]
    training: Training
    curves: Mapping[str, Sequence[float]]
    overlap: int = 0
    """Test rows that are training rows, too."""


def pictures(beside: Beside) -> dict[str, Picture]:
    """Return the plots of columns and epochs by file name."""
    found, shown = {}, beside.importances[:SHOWN_IMPORTANCES]
    if shown:
        names = [each.column for each in shown]
        growths, spreads = [each.growth for each in shown], [each.spread for each in shown]
        png = plots.importance(names, growths, spreads)
        found["importance"] = Picture("Importance of the columns", png)
    if beside.curves:
        found["training_curves"] = Picture("Training", plots.training(beside.curves))
    return found


def notes(evaluation: Evaluation, beside: Beside) -> list[str]:
    """Return what a reader of the scores should know first."""
    return [
        *beside.training.notes,
        *_overlap(beside.overlap, evaluation.rows),
        *_champion(evaluation.champion),
    ]


def _overlap(same: int, rows: int) -> list[str]:
    if not same:
        return []
    of = f"{same:,} of the {rows:,} test rows ({same / rows:.1%})"
    return [f"{of} are trained on, too, the same in every cell: the scores are better by them."]


def _champion(champion: ChampionScores | None) -> list[str]:
    """Return why the champion could not be scored, where it could not."""
    if champion is None or champion.error is None:
        return []
    return [f"The champion, version {champion.version}, could not be scored: {champion.error}"]


def metrics(evaluation: Evaluation) -> Table:
    """Return every metric of the candidate, beside the champion's where there are any."""
    champion = evaluation.champion or ChampionScores("")
    theirs = champion.metrics or {}
    rows = [
        [metric, evaluation.candidate[metric], *_compared(evaluation.candidate, theirs, metric)]
        for metric in METRICS
        if metric in evaluation.candidate
    ]
    which = _which(evaluation.candidate)
    if not theirs:
        return Table("Metrics", ("metric", "candidate"), [row[:2] for row in rows], which)
    columns = ("metric", "candidate", f"champion (version {champion.version})", "difference")
    agree = f"The two agree on {champion.agreement:.1%} of the rows." if champion.agreement else ""
    return Table("Metrics", columns, rows, f"{which} {agree}")


def _which(measured: Mapping[str, float]) -> str:
    down = sorted(LOWER_IS_BETTER & measured.keys())
    return f"Higher is better, but for {', '.join(down)}."


def _compared(
    mine: Mapping[str, float], theirs: Mapping[str, float], metric: str
) -> list[float | str | None]:
    if metric not in theirs:
        return [None, None]
    return [theirs[metric], f"{mine[metric] - theirs[metric]:+.4f}"]


def importances(found: Sequence[Importance], error: str) -> Table:
    """Return what each column is worth, as a table."""
    rows = [[each.column, each.growth, each.spread] for each in found[:SHOWN_IMPORTANCES]]
    about = f"How much the {error} grows on the test rows when the column is shuffled."
    return Table("Importance of the columns", ("column", "growth", "spread"), rows, about)


def cells(row: int, given: Mapping[str, np.ndarray]) -> list[object]:
    """Return the first cells of a test row, as a table shows them."""
    return [_cell(given[name][row]) for name in list(given)[:SHOWN_COLUMNS]]


def _cell(value: object) -> object:
    plain = value.item() if isinstance(value, np.generic) else value
    return None if plain is None or plain != plain else plain


def origin(training: Training, test_rows: int) -> Table:
    """Return how the model was made."""
    rows: list[tuple[str, object]] = [
        ("target", training.target),
        ("training rows", training.rows),
        ("test rows", test_rows),
        ("seconds of training", training.seconds),
        ("random state", training.random_state),
        *((f"hyperparameter {key}", value) for key, value in training.hyperparameters.items()),
        ("sha256 of the data", training.data_sha256),
        *((f"version of {key}", value) for key, value in training.libraries.items()),
    ]
    return Table("How it was made", ("what", "value"), [[what, str(value)] for what, value in rows])
