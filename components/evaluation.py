"""The evaluation directory: how the candidate and the champion fare on the same test rows.

scores.json          `Evaluation`
predictions.parquet  truth, predicted, and the probabilities p_0 … in the order of the labels
plots/*.png          confusion matrix, ROC curve, confidence
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serving.errors import ModelError

if TYPE_CHECKING:
    import numpy as np

SCORES = "scores.json"
PREDICTIONS = "predictions.parquet"
PLOTS = "plots"


@dataclass(frozen=True)
class ChampionScores:
    """The champion on the candidate's test rows; `error` says why it could not be scored.

    `agreement` is the share of rows on which the two give the same label.
    """

    version: str
    metrics: dict[str, float] | None = None
    agreement: float | None = None
    error: str | None = None


@dataclass(frozen=True)
class Evaluation:
    """The metrics of the candidate and, where there is one, of the champion."""

    candidate: dict[str, float]
    rows: int
    champion: ChampionScores | None = None

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object (a dict), as `scores.json` holds it."""
        champion = asdict(self.champion) if self.champion else None
        present = {k: v for k, v in champion.items() if v is not None} if champion else None
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


def write_predictions(
    directory: Path, truth: np.ndarray, predicted: np.ndarray, probabilities: np.ndarray
) -> None:
    """Write one row per test row: its truth, the predicted label and all probabilities."""
    import polars as pl

    columns: dict[str, Any] = {"truth": truth, "predicted": predicted}
    columns |= {f"p_{i}": probabilities[:, i] for i in range(probabilities.shape[1])}
    pl.DataFrame(columns).write_parquet(directory / PREDICTIONS)
