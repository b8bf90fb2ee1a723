"""What an evaluation of estimated numbers says: estimates and scores in, a report out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from components import plots
from components.evaluate import about, slices
from components.evaluate.about import SHOWN_COLUMNS, Beside
from components.evaluation import Evaluation
from components.number_scores import Estimates
from components.report import Picture, Report, Table
from serving.figures import figure

SHOWN_ERRORS = 10
DRAWN = 5_000
"""Rows in a picture: more dots only hide each other."""


@dataclass(frozen=True)
class Estimated:
    """Everything that was found out about a candidate that answers with numbers."""

    estimates: Estimates
    evaluation: Evaluation
    beside: Beside


def told(evaluation: Evaluation) -> str:
    """Return the scores that people ask for first, in one line."""
    shown = [metric for metric in ("rmse", "mae", "r2") if metric in evaluation.candidate]
    scores = ", ".join(f"{metric} {figure(evaluation.candidate[metric])}" for metric in shown)
    return f"{scores} on {evaluation.rows} test rows"


def rmse(predicted: np.ndarray, truth: np.ndarray) -> float:
    """Return the root of the mean squared error."""
    return float(np.sqrt(np.mean(np.square(predicted - truth))))


def pictures(estimated: Estimated) -> dict[str, Picture]:
    """Return the plots by file name."""
    given = estimated.estimates
    some = np.arange(len(given.truth))[:: max(1, len(given.truth) // DRAWN)]
    truth, predicted = given.truth[some], given.predicted[some]
    return {
        "predicted": Picture("Predicted against true", plots.estimates(truth, predicted)),
        "residuals": Picture("Residuals", plots.residuals(predicted, given.errors[some])),
        "errors": Picture("Errors", plots.error_sizes(given.errors)),
        **about.pictures(estimated.beside),
    }


def report(name: str, estimated: Estimated, cells: Mapping[str, np.ndarray]) -> Report:
    """Return the report but for its pictures."""
    evaluation, beside = estimated.evaluation, estimated.beside
    return Report(
        title=f"{name}: {beside.training.kind}",
        lead=f"{told(evaluation)}.",
        tables=[
            about.metrics(evaluation),
            slices.table(beside.slices, "mean absolute error"),
            about.importances(beside.importances, "root mean squared error"),
            _worst(estimated.estimates, cells),
            about.origin(beside.training, evaluation.rows),
        ],
        notes=about.notes(evaluation, beside),
    )


def _worst(given: Estimates, cells: Mapping[str, np.ndarray]) -> Table:
    worst = np.argsort(-np.abs(given.errors), kind="stable")[:SHOWN_ERRORS]
    rows = [
        [
            int(row) + 1,
            float(given.truth[row]),
            float(given.predicted[row]),
            float(given.errors[row]),
            *about.cells(row, cells),
        ]
        for row in worst
    ]
    columns = ("test row", "true", "predicted", "error", *list(cells)[:SHOWN_COLUMNS])
    return Table("Largest errors", columns, rows)
