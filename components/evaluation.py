"""The evaluation directory: how the candidate and the champion fare on the same test rows.

scores.json          `Evaluation`
predictions.parquet  truth, predicted, and, of classes, probabilities p_0 … in the labels' order
paired.npz           both models' answers, row by row, as the gate draws them (`components.paired`)
plots/*.png          confusion matrix, curves, calibration; or residuals; importance, epochs
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serving.errors import ModelError

if TYPE_CHECKING:
    import numpy as np

    from components.paired import Answered

SCORES = "scores.json"
PREDICTIONS = "predictions.parquet"
PLOTS = "plots"


@dataclass(frozen=True)
class ChampionScores:
    """The champion on the candidate's test rows; `error` says why it could not be scored.

    `agreement` is the share of rows on which the two give the same label. `live`: how good it was
    on what was labelled since it serves (`serving.feedback`), with `window_s`. `answers` are the
    rows themselves, which `paired.npz` has and `scores.json` has not.
    """

    version: str
    metrics: dict[str, float] | None = None
    agreement: float | None = None
    error: str | None = None
    live: Mapping[str, Any] | None = None
    answers: Answered | None = field(default=None, compare=False, repr=False)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object (a dict) of what there is."""
        fields = {
            name: getattr(self, name)
            for name in ("version", "metrics", "agreement", "error", "live")
        }
        return {name: value for name, value in fields.items() if value is not None}


@dataclass(frozen=True)
class Evaluation:
    """The metrics of the candidate and, where there is one, of the champion."""

    candidate: dict[str, float]
    rows: int
    champion: ChampionScores | None = None

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object (a dict), as `scores.json` holds it."""
        present = self.champion.to_json() if self.champion else None
        return {"candidate": self.candidate, "champion": present, "rows": self.rows}


def write_scores(directory: Path, evaluation: Evaluation) -> None:
    """Write `scores.json`; NaN and infinity are refused."""
    text = json.dumps(evaluation.to_json(), indent=2, ensure_ascii=False, allow_nan=False)
    (directory / SCORES).write_text(text + "\n", encoding="utf-8")


def read_scores(directory: Path) -> Evaluation:
    """Return the scores; raise `ModelError` where they are missing or damaged."""
    path = directory / SCORES
    try:
        value = json.loads(path.read_bytes())
        champion = ChampionScores(**value["champion"]) if value["champion"] else None
        return Evaluation(dict(value["candidate"]), int(value["rows"]), champion)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path} cannot be read ({error}); evaluate the model again.") from error


def write_predictions(directory: Path, columns: Mapping[str, np.ndarray]) -> None:
    """Write one row per test row: its truth, what was predicted, and all probabilities if any."""
    import polars as pl

    pl.DataFrame(dict(columns)).write_parquet(directory / PREDICTIONS)
